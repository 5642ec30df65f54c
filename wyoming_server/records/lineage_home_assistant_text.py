"""What the integration tells people of typed text."""

from .lineage_home_assistant_queue import told
from .lineage_shape import Flow, Form

FLOWS: tuple[Flow, ...] = (
    *told("action run_text", {"home-assistant-memory": {Form.TEXT: "text speech", Form.NAME: "satellite"}}),
    *told("announcement of run_text", {"home-assistant-memory": {Form.TEXT: "message"}}),
    # Only on the phone that the owner chose.
    *told(
        "notification of text_phone",
        {"home-assistant-memory": {Form.NAME: "satellite", Form.TEXT: "message reply_text"}},
    ),
)
