"""The virtual cards through a real pcscd and its virtual reader, in namespaces of their own."""

import pytest
from pcscd_alone import findings

pytestmark = pytest.mark.pcscd


@pytest.fixture(scope="module")
def found() -> dict[str, object]:
    return findings("pcscd_session.py")


def test_a_uid_card_shows_its_uid(found: dict[str, object]) -> None:
    assert found["uid_atr"] == "3b8f8001804f0ca0000003060300030000000068"
    assert found["uid"] == "04a1b2c3d4e5f69000"


def test_a_desfire_card_sells(found: dict[str, object]) -> None:
    assert found["atr"] == "3b8180018080"
    assert found["first_sale"] == 4_000


def test_a_clone_proves_nothing(found: dict[str, object]) -> None:
    assert found["clone"] == "BadAnswer"


def test_a_rolled_back_card_proves_itself_with_old_money(found: dict[str, object]) -> None:
    assert found["rolled_back_sale"] == 4_000


def test_tears_around_the_commit(found: dict[str, object]) -> None:
    assert (found["torn_before"], found["torn_after"]) == ("removed", "removed")
    # 5000 less the first sale, less the one torn after its commit, less the last.
    assert found["last_sale"] == 2_000
