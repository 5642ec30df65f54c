"""What Home Assistant makes of X-Speech-Content headers: `python -m tests.contract.speech_content < headers.json`.

Run with Home Assistant's environment; prints one JSON list with, for each header, its complaint or null.
"""

import json
import sys

from aiohttp.test_utils import make_mocked_request
from homeassistant.components.stt import _metadata_from_header


def main() -> int:
    """Judge every header."""
    complaints: list[str | None] = []
    for header in json.load(sys.stdin):
        request = make_mocked_request("POST", "/", headers={} if header is None else {"X-Speech-Content": header})
        try:
            _metadata_from_header(request)
            complaints.append(None)
        except ValueError as error:
            complaints.append(str(error))
    print(json.dumps(complaints))
    return 0


if __name__ == "__main__":
    sys.exit(main())
