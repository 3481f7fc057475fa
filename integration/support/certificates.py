"""A certificate authority of our own and what it signs, made by openssl. Good for two days."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from support.children import give_to_account

CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as files."""

    cert: Path
    key: Path


class Authority:
    """Signs certificates; `cert` is what its friends trust."""

    def __init__(self, directory: Path, name: str = "ca"):
        self.directory = directory
        self.cert = directory / f"{name}.crt"
        self.key = directory / f"{name}.key"
        extensions = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign"]
        files = ["-keyout", str(self.key), "-out", str(self.cert)]
        openssl("req", "-x509", *CURVE, "-days", "2", "-subj", f"/CN=pgweir tests {name}", *extensions, *files)

    def sign(self, name: str, names: str | None = "DNS:localhost", digest: str = "sha256") -> Pair:
        """A certificate for `/CN=name` and the alternative `names`; the key is ours and nobody else's to read. Without
        names it is of X.509's first version, which has no room for them."""
        pair = Pair(self.directory / f"{name}.crt", self.directory / f"{name}.key")
        request = self.directory / f"{name}.csr"
        extensions = self.directory / f"{name}.ext"
        extensions.write_text(f"subjectAltName={names}\nbasicConstraints=CA:FALSE\n")
        extended = ["-extfile", str(extensions)] if names else []
        openssl("req", *CURVE, "-subj", f"/CN={name}", "-keyout", str(pair.key), "-out", str(request))
        signer = ["-CA", str(self.cert), "-CAkey", str(self.key), "-CAcreateserial"]
        target = ["-in", str(request), "-out", str(pair.cert), *extended]
        openssl("x509", "-req", "-days", "2", f"-{digest}", *signer, *target)
        pair.key.chmod(0o600)
        return pair


def self_signed(directory: Path, *flags: str) -> Pair:
    """An RSA certificate that signed itself, as `flags` have it."""
    pair = Pair(directory / "self.crt", directory / "self.key")
    files = ["-keyout", str(pair.key), "-out", str(pair.cert)]
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", *flags, *files)
    pair.key.chmod(0o600)
    return pair


def for_account(pair: Pair) -> Pair:
    """Hands the pair to the user whom Postgres runs as, who must own its key."""
    give_to_account(pair.cert)
    give_to_account(pair.key)
    return pair


def openssl(*args: str) -> None:
    """Runs openssl, quiet unless it fails."""
    done = subprocess.run(["openssl", *args], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {' '.join(args)}: {done.stderr}")
