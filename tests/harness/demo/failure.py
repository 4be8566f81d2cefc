"""How a demo ends that cannot begin."""


class DemoFailed(Exception):
    """The message is for the person at the terminal: what is wrong, and the remedy."""
