import pytest

from lms.adapters.media.docx_text import read_text
from lms.adapters.media.types import RejectedFile
from tests.support.files import WORD_SPACE

SPACES = (
    f'xmlns:w="{WORD_SPACE}" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    ' xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math" xmlns:wps="wps" xmlns:v="v"'
)


def text_of(inside: str) -> str:
    return read_text(f"<w:document {SPACES}><w:body>{inside}</w:body></w:document>".encode())


def run(text: str) -> str:
    return f"<w:r><w:t>{text}</w:t></w:r>"


def paragraph(*inside: str) -> str:
    return "<w:p>" + "".join(inside) + "</w:p>"


def text_box(*inside: str) -> str:
    return "<w:txbxContent>" + "".join(inside) + "</w:txbxContent>"


def alternatives(choice: str, fallback: str) -> str:
    return (
        f'<w:r><mc:AlternateContent><mc:Choice Requires="wps">{choice}</mc:Choice>'
        f"<mc:Fallback>{fallback}</mc:Fallback></mc:AlternateContent></w:r>"
    )


BOX = text_box(paragraph(run("Dans la boîte.")), paragraph(run("Encore.")))


def test_a_text_box_is_read_once_and_after_its_paragraph() -> None:
    both = alternatives(f"<wps:txbx>{BOX}</wps:txbx>", f"<v:textbox>{BOX}</v:textbox>")
    assert text_of(paragraph(run("Avant."), both, run(" Suite.")) + paragraph(run("Après."))) == (
        "Avant. Suite.\nDans la boîte.\nEncore.\nAprès."
    )


def test_a_text_box_of_an_old_word_is_read() -> None:
    assert text_of(paragraph(f"<w:r><w:pict><v:textbox>{BOX}</v:textbox></w:pict></w:r>")) == (
        "Dans la boîte.\nEncore."
    )


def test_of_two_alternatives_the_one_with_text_is_read() -> None:
    assert text_of(paragraph(alternatives("<wps:ink/>", BOX))) == "Dans la boîte.\nEncore."
    first, second = text_box(paragraph(run("un"))), text_box(paragraph(run("deux")))
    assert (
        text_of(paragraph(alternatives(first, second)) + paragraph(alternatives(second, first))) == "un\ndeux"
    )


def test_a_box_in_a_box_is_read_once() -> None:
    inner = alternatives(text_box(paragraph(run("dedans"))), text_box(paragraph(run("dedans"))))
    outer = text_box(paragraph(run("dehors"), inner))
    assert text_of(paragraph(alternatives(outer, outer))) == "dehors\ndedans"


def test_moved_text_stands_only_where_it_was_moved_to() -> None:
    moved = (
        paragraph(run("un "), f"<w:moveFrom>{run('mobile ')}</w:moveFrom>", run("deux "))
        + "<w:moveFromRangeStart/>"
        + paragraph(
            "<w:pPr><w:rPr><w:moveFrom/></w:rPr></w:pPr>", f"<w:moveFrom>{run('phrase')}</w:moveFrom>"
        )
        + paragraph(run("trois "), f"<w:moveTo>{run('mobile')}</w:moveTo>")
        + paragraph(f"<w:moveTo>{run('phrase')}</w:moveTo>")
    )
    assert text_of(moved) == "un deux \ntrois mobile\nphrase"


def test_deleted_text_and_a_deleted_end_of_line_are_gone_and_inserted_text_stays() -> None:
    changed = paragraph(
        "<w:pPr><w:rPr><w:del/></w:rPr></w:pPr>",
        f"<w:del><w:r><w:delText>faux</w:delText></w:r>{run('faux')}</w:del>",
        f"<w:ins>{run('juste')}</w:ins>",
    )
    assert text_of(changed + paragraph(run(" et fini"))) == "juste et fini"


def test_hyphens_tabs_and_breaks_are_text_and_tab_stops_are_not() -> None:
    assert (
        text_of(paragraph("<w:r><w:t>rendez</w:t><w:noBreakHyphen/><w:t>vous</w:t></w:r>")) == "rendez‑vous"
    )
    assert text_of(paragraph("<w:r><w:t>bon</w:t><w:softHyphen/><w:t>jour</w:t></w:r>")) == "bonjour"
    stops = '<w:pPr><w:tabs><w:tab w:val="left" w:pos="720"/></w:tabs></w:pPr>'
    assert (
        text_of(paragraph(stops, "<w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t></w:r>"))
        == "a\tb\nc"
    )


def test_symbols_and_formulas_are_kept() -> None:
    sym = '<w:r><w:t>oui </w:t><w:sym w:font="Wingdings" w:char="F0FC"/></w:r>'
    typed = '<w:r><w:rPr><w:rFonts w:ascii="Wingdings"/></w:rPr><w:t>\uf0fe</w:t></w:r>'
    assert text_of(paragraph(sym, typed, run(" \uf0fe"))) == "oui ✔☑ \ufffd"
    assert text_of(paragraph('<w:r><w:sym w:font="Wingdings" w:char="zz"/></w:r>')) == "\ufffd"
    assert text_of(paragraph("<m:oMath><m:r><m:t>2+2=4</m:t></m:r></m:oMath>")) == "2+2=4"


def test_a_document_type_is_refused_before_it_defines_anything() -> None:
    with pytest.raises(RejectedFile, match="file_broken"):
        read_text(b'<!DOCTYPE d [<!ENTITY a "b">]><d>&a;</d>')
