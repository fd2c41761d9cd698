import logging

from fastapi import FastAPI

app = FastAPI()


@app.get("/cases/{case_id}")
def read_case(case_id: str) -> dict[str, str]:
    logging.getLogger("faultmaven.cases").info("Case read")
    return {"case_id": case_id}
