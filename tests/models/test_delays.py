"""How a pathway writes a delay."""

import pytest
from pydantic import BaseModel, ValidationError

from models.delays import Delay, DelayUnit


class Step(BaseModel):
    """A line of a pathway."""

    after: Delay


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("5wd", 5, DelayUnit.WORKING_DAYS),
        ("0wd", 0, DelayUnit.WORKING_DAYS),
        ("15d", 15, DelayUnit.DAYS),
        ("1mo", 1, DelayUnit.MONTHS),
        ("4h", 4, DelayUnit.HOURS),
    ],
)
def test_a_delay_is_an_amount_and_a_unit(text: str, amount: int, unit: DelayUnit) -> None:
    delay = Delay.parse(text)

    assert (delay.amount, delay.unit, str(delay)) == (amount, unit, text)


@pytest.mark.parametrize("text", ["", "5", "wd", "-5wd", "5 wd", "5w", "1.5d", "05wd", "1000d", "5wd\n", "٥wd"])
def test_anything_else_is_no_delay(text: str) -> None:
    with pytest.raises(ValidationError):
        Delay.parse(text)


def test_a_delay_is_written_as_it_was_read() -> None:
    step = Step.model_validate({"after": "5wd"})

    assert step.model_dump(mode="json") == {"after": "5wd"}
    assert {step.after, Delay.parse("5wd")} == {Delay.parse("5wd")}
