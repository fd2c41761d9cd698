import logging
import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpRequest, JsonResponse
from django.urls import path

settings.configure(ROOT_URLCONF=__name__, SECRET_KEY="for this example only", ALLOWED_HOSTS=["*"])


def read_case(request: HttpRequest, case_id: str) -> JsonResponse:
    logging.getLogger("faultmaven.cases").info("Case read")
    return JsonResponse({"case_id": case_id})


urlpatterns = [path("cases/<case_id>", read_case)]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
