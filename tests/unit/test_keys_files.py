"""Keys in a folder: what is read, what is refused, and that none is ever shown."""

from __future__ import annotations

import hashlib
import os
import stat
import traceback
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from daemon.core.errors import KeyMissing
from daemon.keys.an10922 import diversify
from daemon.keys.files import CREDENTIALS_VARIABLE, KeyFolder, find_keys, generate
from daemon.ports.keys import CardKeyPurpose

SPEND = CardKeyPurpose.SPEND


def put(folder: Path, name: str, text: str, mode: int = 0o600) -> None:
    (folder / name).write_text(text)
    (folder / name).chmod(mode)


def key_of(error: pytest.ExceptionInfo[KeyMissing]) -> str:
    return error.value.key


def test_a_fresh_set_is_complete_private_and_new_every_time(tmp_path: Path) -> None:
    first, second = generate(tmp_path / "a"), generate(tmp_path / "b")
    assert len(first.ledger_key()) == 32
    assert first.ledger_key() != second.ledger_key()
    assert first.signer().public_key != second.signer().public_key
    for purpose in CardKeyPurpose:
        assert first.card_keys().current_version(purpose) == 1
        assert len(first.card_keys().derive(purpose, 1, b"card")) == 16
    keys = {first.card_keys().derive(purpose, 1, b"card") for purpose in CardKeyPurpose}
    assert len(keys) == len(CardKeyPurpose)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700
    for path in (tmp_path / "a").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_fresh_set_never_replaces_a_key(tmp_path: Path) -> None:
    ledger = generate(tmp_path).ledger_key()
    with pytest.raises(KeyMissing) as raised:
        generate(tmp_path)
    assert key_of(raised) == "key_file_exists"
    assert KeyFolder(tmp_path).ledger_key() == ledger


def test_a_lone_key_is_not_joined_by_others(tmp_path: Path) -> None:
    put(tmp_path, "card-load-1", "00" * 16)
    with pytest.raises(KeyMissing):
        generate(tmp_path)
    assert os.listdir(tmp_path) == ["card-load-1"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o620, 0o610, 0o601])
def test_a_file_that_others_could_touch_is_refused(tmp_path: Path, mode: int) -> None:
    put(tmp_path, "ledger-key", "11" * 32, mode)
    with pytest.raises(KeyMissing) as raised:
        KeyFolder(tmp_path).ledger_key()
    assert key_of(raised) == "key_file_too_open"
    assert raised.value.facts == {"file": "ledger-key", "mode": f"{mode:04o}"}


@pytest.mark.parametrize("mode", [0o400, 0o600])
def test_a_private_file_is_read(tmp_path: Path, mode: int) -> None:
    put(tmp_path, "ledger-key", "AB" * 32 + "\n", mode)
    assert KeyFolder(tmp_path).ledger_key() == b"\xab" * 32


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to own the file as systemd does")
def test_systemds_acl_mask_is_not_taken_for_an_open_file(tmp_path: Path) -> None:
    put(tmp_path, "ledger-key", "11" * 32, 0o440)
    environment = {CREDENTIALS_VARIABLE: str(tmp_path)}
    assert find_keys(None, environment).ledger_key() == b"\x11" * 32
    (tmp_path / "ledger-key").chmod(0o444)
    with pytest.raises(KeyMissing):
        find_keys(None, environment).ledger_key()


def test_the_folder_of_the_settings_comes_before_systemds(tmp_path: Path) -> None:
    own = generate(tmp_path / "own")
    generate(tmp_path / "given")
    environment = {CREDENTIALS_VARIABLE: str(tmp_path / "given")}
    assert find_keys(tmp_path / "own", environment).ledger_key() == own.ledger_key()
    with pytest.raises(KeyMissing) as raised:
        find_keys(None, {})
    assert key_of(raised) == "key_folder_missing"


@pytest.mark.parametrize("text", ["", "xyz", "11" * 31, "11" * 33, "11" * 4000, "１" * 64])
def test_a_malformed_key_is_refused_without_being_shown(tmp_path: Path, text: str) -> None:
    put(tmp_path, "ledger-key", text)
    with pytest.raises(KeyMissing) as raised:
        KeyFolder(tmp_path).ledger_key()
    assert key_of(raised) == "key_file_malformed"
    shown = "".join(traceback.format_exception(raised.value))
    assert not text or text not in shown


def test_a_missing_key_a_folder_and_a_link_are_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyMissing) as raised:
        KeyFolder(tmp_path).ledger_key()
    assert key_of(raised) == "key_file_missing"
    (tmp_path / "ledger-key").mkdir(mode=0o700)
    with pytest.raises(KeyMissing):
        KeyFolder(tmp_path).ledger_key()
    put(tmp_path, "elsewhere", "11" * 32)
    (tmp_path / "signing-key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyMissing):
        KeyFolder(tmp_path).signer()
    with pytest.raises(KeyMissing):
        KeyFolder(tmp_path / "nowhere").card_keys()


def test_card_masters_go_by_purpose_and_version(tmp_path: Path) -> None:
    put(tmp_path, "card-spend-1", "01" * 16)
    put(tmp_path, "card-spend-2", "02" * 16)
    put(tmp_path, "card-spend-256", "03" * 16)
    put(tmp_path, "card-spend-0", "04" * 16)
    put(tmp_path, "card-teapot-9", "05" * 16)
    keys = KeyFolder(tmp_path).card_keys()
    assert keys.current_version(SPEND) == 2
    assert keys.derive(SPEND, 1, b"M") == diversify(b"\x01" * 16, b"M")
    for purpose, version in ((SPEND, 3), (CardKeyPurpose.LOAD, 1)):
        with pytest.raises(KeyMissing) as raised:
            keys.derive(purpose, version, b"M")
        assert key_of(raised) == "card_key_missing"
    with pytest.raises(KeyMissing):
        keys.current_version(CardKeyPurpose.LOAD)


def test_purse_masters_go_by_purpose_and_index_and_no_other_file_is_read(tmp_path: Path) -> None:
    put(tmp_path, "purse-purchase-0", "01" * 16)
    put(tmp_path, "purse-purchase-1", "02" * 16)
    put(tmp_path, "purse-purchase-256", "03" * 16)
    put(tmp_path, "purse-load-1", "04" * 16, 0o644)
    keys = KeyFolder(tmp_path)
    assert keys.purse_masters("purchase") == {0: b"\x01" * 16, 1: b"\x02" * 16}
    assert keys.purse_masters("tac") == {}
    with pytest.raises(KeyMissing) as raised:
        keys.purse_masters("load")
    assert key_of(raised) == "key_file_too_open"
    assert keys.card_keys()._masters == {}


def test_an_open_card_master_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "card-spend-1", "01" * 16, 0o644)
    with pytest.raises(KeyMissing) as raised:
        KeyFolder(tmp_path).card_keys()
    assert key_of(raised) == "key_file_too_open"


def test_the_signer_signs(tmp_path: Path) -> None:
    signer = generate(tmp_path).signer()
    signature = signer.sign(b"batch")
    assert len(signature) == 64
    Ed25519PublicKey.from_public_bytes(signer.public_key).verify(signature, b"batch")
    assert signer.key_id == hashlib.sha256(signer.public_key).digest()[:8]


def test_no_key_has_a_representation(tmp_path: Path) -> None:
    folder = generate(tmp_path)
    shown = f"{folder!r} {folder.card_keys()!r} {folder.signer()!r}"
    for path in tmp_path.iterdir():
        assert path.read_text().strip() not in shown
    assert "spend 1" in shown
