import logging.config

logging.config.dictConfig({
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "fm_otel.FaultMavenFormatter"}},
    "handlers": {"console": {
        "class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "json",
    }},
    "root": {"level": "INFO", "handlers": ["console"]},
})
logging.getLogger("faultmaven.main").info("Loaded", extra={"session_id": "s1", "runbooks": 12})
