import logging

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
logging.getLogger("faultmaven.main").info("Loaded %d runbooks", 12, extra={"source": "disk"})
