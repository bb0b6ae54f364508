"""`python -m services.platform.healthcheck URL`: the images' health check, which needs no curl in them."""

import sys
from http import HTTPStatus
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

TIMEOUT_S = 2.5


def main(url: str) -> int:
    """0 when GET answers 200, else 1 with the reason."""
    try:
        # A proxy of the environment is not for this container's own port.
        with build_opener(ProxyHandler({})).open(url, timeout=TIMEOUT_S) as answer:
            return 0 if answer.status == HTTPStatus.OK else 1
    except (URLError, OSError) as error:
        sys.stderr.write(f"{url}: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
