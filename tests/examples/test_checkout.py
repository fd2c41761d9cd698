import logging


def test_checkout_logs_its_order(fm_logs):
    logging.getLogger("shop").warning("Order late, token=%s", "ghp_" + "a1B2" * 9)
    fm_logs.assert_schema()
    fm_logs.assert_no_secrets()
    assert fm_logs.records[-1]["message"] == "Order late, token=[REDACTED:github_token]"
