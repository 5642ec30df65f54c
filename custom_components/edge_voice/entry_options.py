"""An entry's options: what the owner may choose of how Home Assistant and the server work together."""

from collections.abc import Mapping
from typing import Any, Final

CONF_REQUIRES_EXTERNAL_VAD: Final = "requires_external_vad"
"""Whether Home Assistant tells the end of speech, beside the server."""
CONF_DIRECT_FALLBACK: Final = "direct_fallback"
"""Whether a consented entity is asked while the server is away."""
CONF_SEND_VOCABULARY: Final = "send_vocabulary"
"""Whether the server is told the home's names."""
CONF_ERASE_ON_REMOVAL: Final = "erase_on_removal"
"""Whether the server forgets this home when the entry is removed."""
CONF_CONVERSATION_AGENT: Final = "conversation_agent"
"""The agent that ours hands on to; absent: Home Assistant's own."""

CONF_QUEUE_RESULTS: Final = "queue_results"
"""How people hear of requests that waited: RESULTS_OFF, RESULTS_NOTIFY (absent: likewise), or RESULTS_ANNOUNCE."""
RESULTS_OFF: Final = "off"
RESULTS_NOTIFY: Final = "notify"
RESULTS_ANNOUNCE: Final = "announce"
RESULTS: Final = (RESULTS_OFF, RESULTS_NOTIFY, RESULTS_ANNOUNCE)

CONF_TEXT_PHONE: Final = "text_phone"
"""The notify service of a phone on which is asked for typed text; absent: none."""

DEFAULTS: Final[Mapping[str, bool]] = {
    CONF_REQUIRES_EXTERNAL_VAD: True,
    CONF_DIRECT_FALLBACK: True,
    CONF_SEND_VOCABULARY: True,
    CONF_ERASE_ON_REMOVAL: False,
}


def chosen(options: Mapping[str, Any], key: str) -> bool:
    """Return a choice, or what is chosen for owners who made none."""
    return bool(options.get(key, DEFAULTS[key]))
