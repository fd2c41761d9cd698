import logging

from flask import Flask

app = Flask(__name__)


@app.get("/cases/<case_id>")
def read_case(case_id: str) -> dict[str, str]:
    logging.getLogger("faultmaven.cases").info("Case read")
    return {"case_id": case_id}
