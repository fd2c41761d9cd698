"""The queue between the logging call and the sinks, its worker, and the books."""
