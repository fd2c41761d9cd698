import json
import logging
import sys


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps({"level": record.levelname, "message": record.getMessage()})


root = logging.getLogger()
for handler in root.handlers[:]:
    root.removeHandler(handler)
console = logging.StreamHandler(sys.stdout)
console.setFormatter(JsonFormatter())
root.addHandler(console)
root.setLevel(logging.INFO)
logging.getLogger("faultmaven.session").info("Session created", extra={"session_id": "s1"})
