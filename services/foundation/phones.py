"""Telephone numbers as people write them, stored in one form (E.164)."""

from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberType

from models.refusals import CaseworkError

NBSP: Final = "\N{NO-BREAK SPACE}"

REGIONS: Final = ("FR", "GP", "MQ", "GF", "RE", "YT")
"""Tried in turn: an overseas number is written like a mainland one but has its own country code."""

# Source: Arcep, plan de numérotation — blocks kept for works of fiction. They reach nobody, so demonstrations and
# training use them; the library's list of allotted numbers leaves some out.
FICTION: Final = ("+3319900", "+3326191", "+3335301", "+3346571", "+3353649", "+3363998")
MOBILE_FICTION: Final = "+3363998"


class PhoneRefused(CaseworkError):
    """The text is no telephone number that can be called. The message does not repeat it: it may be logged."""

    status_code = 422
    code = "phone-refused"

    def __init__(self) -> None:
        """The sentence names what is expected."""
        example = NBSP.join(("06", "12", "34", "56", "78"))
        super().__init__(f"Ce numéro de téléphone n’est pas valable{NBSP}: dix chiffres attendus, comme {example}.")


def normalise(text: str) -> str:
    """The number in E.164, from any French writing of it, overseas included; a foreign one needs its `+` or `00`."""
    for region in REGIONS:
        number = _parsed(text, region)
        if number is not None and _is_reachable(number):
            return _e164(number)
    raise PhoneRefused


def is_mobile(number: str) -> bool:
    """Whether an E.164 number can receive an SMS."""
    if number.startswith(MOBILE_FICTION):
        return True
    kind = phonenumbers.number_type(phonenumbers.parse(number))
    return kind in {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}


def _parsed(text: str, region: str) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except NumberParseException:
        return None


def _is_reachable(number: PhoneNumber) -> bool:
    if phonenumbers.is_valid_number(number):
        return True
    return phonenumbers.is_possible_number(number) and _e164(number).startswith(FICTION)


def _e164(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
