from .transport import Transport

STDOUT: int

def take_standard_streams(write_fd: int, slots_fd: int = ...) -> Transport: ...
