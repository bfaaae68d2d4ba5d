"""Pages of a list by its key."""

from __future__ import annotations

from lms.domain.paging import PAGE, Cut, cut_page

IDS = [f"p{number:02}" for number in range(2 * PAGE + 5)]


def test_pages_lead_through_the_list_and_back() -> None:
    first = cut_page(IDS, None)
    assert first == Cut(IDS[:PAGE], 0, None, IDS[PAGE - 1])
    second = cut_page(IDS, first.after)
    assert second == Cut(IDS[PAGE : 2 * PAGE], PAGE, "", IDS[2 * PAGE - 1])
    third = cut_page(IDS, second.after)
    assert third == Cut(IDS[2 * PAGE :], 2 * PAGE, IDS[PAGE - 1], None)
    assert cut_page(IDS, third.before) == second


def test_after_a_row_that_has_gone_comes_the_first_page() -> None:
    assert cut_page(IDS, "gone") == cut_page(IDS, "") == cut_page(IDS, None)
    assert cut_page([], "gone") == Cut([])


def test_a_list_of_one_full_page_has_no_other() -> None:
    assert cut_page(IDS[:PAGE], None) == Cut(IDS[:PAGE])
