"""What a copy of the data folder is to leave out, and what a restore without it asks of its owner.

Without these files a copy opens nothing and lets nobody in: it may lie where the hub itself would not be trusted.
"""

from collections.abc import Mapping

from . import data_keys, keyring

LEFT_OUT: Mapping[str, str] = {
    data_keys.FILE_NAME: "Texts and sound that were kept, and whose turn was whose, cannot be read: the warning"
    " `records-key` says so, until their windows end or they are purged.",
    keyring.FILE_NAME: "The keys of lanes are entered again: each lane says so when it is asked (`lane-credentials`).",
    "control-token": "A new token is made: clients pair again, or read it by `edge-voice token`.",
    "control-key.pem": "A new certificate is made: clients pair again.",
    "control-certificate.pem": "Of no use without its key.",
    ".*.part": "What a file was about to become, at the moment of the copy.",
    "*.damaged-*": "Records that could not be read and were set aside; they may hold what was purged since.",
}
"""Names in the data folder, as patterns → what becomes of it after a restore."""
