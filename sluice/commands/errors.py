"""What a command raises.

CommandError    it cannot do what was asked: exit code 1
└── WrongCall   what was asked makes no sense: exit code 2
"""


class CommandError(Exception):
    """Raised when a command cannot do what was asked; the message says why, in one line."""


class WrongCall(CommandError):
    """Raised when options are missing or do not fit together, whatever the installation holds."""
