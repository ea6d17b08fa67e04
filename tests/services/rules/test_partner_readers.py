"""Who of a partner reads a mail: whoever follows the request, or reads for him; else the common address."""

from datetime import UTC, date, datetime
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from services.foundation.calendar import WorkingCalendar
from services.rules.daily import gathering
from services.rules.partner_readers import Gone, Readers

OWN = "contact@adil.example"
PARTNER, REFERRAL, LEA, SAM = (uuid4() for _ in range(4))
DAY = date(2026, 3, 16)


def away(who: UUID | None, delegate: UUID | None) -> Gone:
    return Gone(who, DAY, DAY, delegate)


@pytest.mark.parametrize(
    ("gone", "expected"),
    [
        ([], "lea"),
        ([away(LEA, SAM)], "sam"),
        ([away(LEA, None)], "own"),
        ([away(LEA, SAM), away(SAM, None)], "own"),
        ([away(LEA, SAM), away(SAM, LEA)], "lea"),
        ([Gone(LEA, date(2026, 3, 1), date(2026, 3, 15), SAM)], "lea"),
        ([away(SAM, LEA)], "lea"),
    ],
)
def test_a_mail_goes_to_whoever_follows_the_request_or_reads_for_him(gone: list[Gone], expected: str) -> None:
    addresses = {"own": OWN, "lea": "lea@adil.example", "sam": "sam@adil.example"}
    readers = Readers({LEA: addresses["lea"], SAM: addresses["sam"]}, {REFERRAL: LEA}, {PARTNER: gone})

    assert readers.address(PARTNER, OWN, referral_id=REFERRAL, day=DAY) == addresses[expected]


def test_the_common_address_has_a_delegate_too_and_a_colleague_who_left_reads_no_more() -> None:
    readers = Readers({SAM: "sam@adil.example"}, {REFERRAL: LEA}, {PARTNER: [away(None, SAM)]})

    assert readers.address(PARTNER, OWN, referral_id=REFERRAL, day=DAY) == "sam@adil.example"
    assert readers.address(PARTNER, OWN, referral_id=REFERRAL, day=date(2026, 3, 17)) == OWN


@pytest.mark.parametrize(
    ("now", "leaves"),
    [
        ("2026-03-16 15:00", "2026-03-17 10:00"),
        ("2026-03-17 09:00", "2026-03-17 10:00"),
        ("2026-03-17 10:00", "2026-03-17 10:00"),
        ("2026-03-17 10:01", "2026-03-20 10:00"),
        ("2026-03-20 19:00", "2026-03-24 10:00"),
    ],
)
def test_gathered_mails_leave_at_ten_on_the_days_of_the_partner(now: str, leaves: str) -> None:
    paris = ZoneInfo("Europe/Paris")
    calendar = WorkingCalendar(zone=paris, weekdays=frozenset({1, 4}))

    at = gathering(calendar, datetime.fromisoformat(now).replace(tzinfo=paris).astimezone(UTC))

    assert f"{at.astimezone(paris):%Y-%m-%d %H:%M}" == leaves
