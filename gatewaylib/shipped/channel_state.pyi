OPEN: str
SENT_LAST: str
GOT_LAST: str
CLOSING: str
CLOSED: str
SEND: str
GET: str
SEND_LAST: str
GET_LAST: str
SEND_CLOSE: str
GET_CLOSE: str
LOSE: str
TRANSITIONS: dict[str, dict[str, str]]

def next_state(state: str, event: str) -> str: ...
