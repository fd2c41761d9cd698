import logging
import sys

from pythonjsonlogger.json import JsonFormatter

console = logging.StreamHandler(sys.stdout)
console.setFormatter(JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
logging.basicConfig(handlers=[console], level=logging.INFO)
logging.getLogger("faultmaven.main").info("Loaded", extra={"session_id": "s1", "runbooks": 12})
