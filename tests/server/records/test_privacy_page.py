"""docs/privacy.md holds the register as the code has it; tests.server.records.write_privacy makes it anew."""

from tests.server.records.write_privacy import PAGE, with_register


def test_the_page_holds_the_register_as_it_is() -> None:
    text = PAGE.read_text("utf-8")
    cure = "run: python -m tests.server.records.write_privacy"
    assert text == with_register(text), cure
