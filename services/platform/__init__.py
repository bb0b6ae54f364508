"""The local platform: what `tetik up` runs on one machine, and the tests with it.

Rules: every process is a child of ours in a process group of its own, dies with us whatever kills us, and
is known to be ready before the next one starts. What each component is (image, command, environment, ports)
stands in `layout` alone; `docker-compose.yml` is held against it by a test.
"""
