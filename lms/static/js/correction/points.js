// DELF points of the chosen bands: [data-points] has the scale of each criterion.
const count = () => {
  const line = document.querySelector("[data-points]");
  if (!line) return;
  let sum = 0;
  for (const scale of line.dataset.points.trim().split(" ")) {
    const [name, points] = scale.split("=");
    const band = document.querySelector(`input[name="${name}"]:checked`);
    if (band) sum += Number(points.split(",")[band.value]);
  }
  line.querySelector("[data-sum]").textContent = String(sum).replace(".", ",");
};
document.addEventListener("change", count);
document.addEventListener("form:saved", count);
// After typed words have come back.
document.addEventListener("page:changed", () => setTimeout(count));
addEventListener("load", () => setTimeout(count));
