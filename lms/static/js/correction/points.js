// DELF points of the chosen bands: [data-points] has the scale of each criterion.
document.addEventListener("change", ({ target }) => {
  const line = target.form?.querySelector("[data-points]");
  if (!line) return;
  let sum = 0;
  for (const scale of line.dataset.points.trim().split(" ")) {
    const [name, points] = scale.split("=");
    const band = target.form.querySelector(`input[name="${name}"]:checked`);
    if (band) sum += Number(points.split(",")[band.value]);
  }
  line.querySelector("[data-sum]").textContent = String(sum).replace(".", ",");
});
