"""The secret of webhooks that is made in the data folder."""

from pathlib import Path

import pytest
from small_disk import pages, small_disk

from app.errors import ConfigurationError
from app.jobs.webhooks.signing import FILE, check_secret, load_secret


def test_secret_that_does_not_fit_on_the_disk_is_made_once_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path, pages(16)) as disk:
        data = disk.folder / "data"
        data.mkdir()
        disk.fill(leave=0)
        with pytest.raises(ConfigurationError, match="No space left on device"):
            load_secret(data)
        assert list(data.iterdir()) == []
        disk.empty()
        secret = load_secret(data)
        assert check_secret(secret) == secret == load_secret(data)
        assert [path.name for path in data.iterdir()] == [FILE]
