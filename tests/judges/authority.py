"""A public key infrastructure for tests, made and run by the openssl command line, on loopback only.

usage: authority.py FOLDER

Makes in FOLDER: trust.pem (both roots), other.pem (a root that vouches for nobody here), NAME.p12 for each signer, and
NAME.pem with its chain. Prints one JSON line {"port": N} when all is there and answers until its standard input ends:

  POST /tsa             a timestamp service
  POST /tsa/PROFILE     one that does something wrong: see TSA_PROFILES
  POST /ocsp            a responder for the signers' authority, with a certificate of its own
  POST /revoke/NAME     revokes the certificate of a signer
  GET  /NAME.crl        revocation lists of the authorities

The password of the key files is `mật khẩu`.
"""

import http.server
import json
import os
import subprocess
import sys
import threading

PASSWORD = "mật khẩu"

CONFIG = """
[req]
distinguished_name = name
prompt = no
utf8 = yes
string_mask = utf8only
[name]
CN = to be replaced
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[intermediate]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
crlDistributionPoints = URI:{base}/root.crl
[signer_ocsp]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature,nonRepudiation
extendedKeyUsage = 1.3.6.1.5.5.7.3.36,emailProtection
authorityInfoAccess = OCSP;URI:{base}/ocsp
crlDistributionPoints = URI:{base}/issuing.crl
[signer_crl]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature,nonRepudiation
crlDistributionPoints = URI:{base}/issuing.crl
[signer_silent]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature,nonRepudiation
authorityInfoAccess = OCSP;URI:{base}/nothing-here
[responder]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = OCSPSigning
noCheck = ignored
[tsa]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
crlDistributionPoints = URI:{base}/tsa-root.crl
[tsa_not_critical]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = timeStamping,emailProtection
crlDistributionPoints = URI:{base}/tsa-root.crl
[crl_extensions]
crlNumber = ignored
"""

CA_CONFIG = """
[ca]
default_ca = {name}
[{name}]
database = {name}.index
serial = {name}.serial
crlnumber = {name}.crlnumber
new_certs_dir = .
certificate = {name}.pem
private_key = {name}.key
default_md = sha256
policy = anything
unique_subject = no
copy_extensions = none
crl_extensions = crl_extensions
default_crl_days = {days}
[crl_extensions]
authorityKeyIdentifier = keyid
[anything]
commonName = supplied
"""

TSA_CONFIG = """
[tsa]
default_tsa = tsa_config
[tsa_config]
serial = {name}.tsaserial
crypto_device = builtin
signer_cert = {name}.pem
signer_key = {name}.key
certs = {name}.pem
signer_digest = sha256
default_policy = 1.3.6.1.4.1.99999.1
digests = sha256,sha384,sha512
accuracy = secs:1
clock_precision_digits = 3
ordering = no
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = {ess}
"""

# What each wrong service does: its key, and how its answer is spoilt.
TSA_PROFILES = {
    "not-critical": ("tsa-not-critical", "pyhanko"),
    "unknown": ("tsa-unknown", None),
    "sha1-identifier": ("tsa-sha1", None),
    "replay": ("tsa", "replay"),
    "refuse": ("tsa", "refuse"),
    "garbage": ("tsa", "garbage"),
    "flipped": ("tsa", "flipped"),
    "status": ("tsa", "status"),
}
# PKIStatusInfo with status 2, rejection, and no token.
REFUSAL = bytes([0x30, 5, 0x30, 3, 2, 1, 2])

lock = threading.Lock()


def openssl(*arguments, **keywords):
    environment = dict(os.environ, LC_ALL="C.UTF-8")
    done = subprocess.run(["openssl", *arguments], capture_output=True, env=environment, **keywords)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {' '.join(arguments)}: {done.stderr.decode('utf-8', 'replace')}")
    return done.stdout


def new_key(name, rsa=False):
    kind = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"] if rsa else [
        "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
    openssl("genpkey", *kind, "-out", f"{name}.key")


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def root(name, common_name, rsa=False):
    new_key(name, rsa)
    openssl("req", "-new", "-x509", "-key", f"{name}.key", "-subj", f"/CN={common_name}", "-utf8", "-config", "pki.cnf",
            "-extensions", "authority", "-days", "7300", "-out", f"{name}.pem")
    take_office(name)


def take_office(name):
    # The last timestamp of a file is judged now, whenever that is; lists of the signers' authorities go out of date.
    write(f"{name}.cnf", CA_CONFIG.format(name=name, days=7000 if name == "tsa-root" else 400))
    write(f"{name}.index", "")
    write(f"{name}.serial", "4" + os.urandom(8).hex().upper()[1:])
    write(f"{name}.crlnumber", "01")


def issue(name, common_name, issuer, extensions, rsa=False, start=None, end=None):
    new_key(name, rsa)
    openssl("req", "-new", "-key", f"{name}.key", "-subj", f"/CN={common_name}", "-utf8", "-config", "pki.cnf",
            "-out", f"{name}.csr")
    dates = ["-startdate", start, "-enddate", end] if start else ["-days", "500"]
    openssl("ca", "-batch", "-notext", "-utf8", "-config", f"{issuer}.cnf", "-in", f"{name}.csr", "-extfile", "pki.cnf",
            "-extensions", extensions, *dates, "-out", f"{name}.pem")


def signer(name, common_name, extensions, **keywords):
    issue(name, common_name, "issuing", extensions, **keywords)
    openssl("pkcs12", "-export", "-inkey", f"{name}.key", "-in", f"{name}.pem", "-certfile", "issuing.pem",
            "-passout", f"pass:{PASSWORD}", "-out", f"{name}.p12")


def list_revoked(name):
    openssl("ca", "-config", f"{name}.cnf", "-gencrl", "-out", f"{name}.crl.pem")
    openssl("crl", "-in", f"{name}.crl.pem", "-outform", "DER", "-out", f"{name}.crl")


def revoke(name):
    openssl("ca", "-config", "issuing.cnf", "-revoke", f"{name}.pem", "-crl_reason", "keyCompromise")
    list_revoked("issuing")


def make(base):
    write("pki.cnf", CONFIG.format(base=base))
    root("root", "Gốc thử nghiệm")
    root("tsa-root", "Gốc dấu thời gian thử nghiệm")
    root("other", "Somebody else")
    issue("issuing", "Cấp phát thử nghiệm", "root", "intermediate", start="20260101000000Z", end="20400101000000Z")
    take_office("issuing")
    issue("responder", "OCSP thử nghiệm", "issuing", "responder")
    years = {"start": "20260101000000Z", "end": "20400101000000Z"}
    issue("tsa", "Dấu thời gian thử nghiệm", "tsa-root", "tsa", rsa=True, **years)
    issue("tsa-sha1", "Dấu thời gian cũ", "tsa-root", "tsa", **years)
    issue("tsa-not-critical", "Dấu thời gian sai", "tsa-root", "tsa_not_critical", rsa=True, **years)
    issue("tsa-unknown", "Dấu thời gian lạ", "other", "tsa", **years)
    signer("rsa", "Nguyễn Văn RSA", "signer_ocsp", rsa=True)
    signer("ecdsa", "Trần Thị ECDSA", "signer_crl")
    signer("silent", "Lê Văn Lặng", "signer_silent")
    signer("revoked", "Phạm Văn Thu Hồi", "signer_ocsp")
    signer("expired", "Hoàng Thị Hết Hạn", "signer_crl", start="20250101000000Z", end="20260201000000Z")
    signer("later", "Vũ Thị Sau Này", "signer_ocsp")
    revoke("revoked")
    for name in ("root", "tsa-root"):
        list_revoked(name)
    for name in ("tsa", "tsa-sha1", "tsa-unknown"):
        ess = "sha1" if name == "tsa-sha1" else "sha256"
        write(f"{name}.tsacnf", TSA_CONFIG.format(name=name, ess=ess))
        write(f"{name}.tsaserial", "01")
    with open("trust.pem", "w") as trust:
        trust.write(open("root.pem").read() + open("tsa-root.pem").read())


def timestamp(query, name, fault):
    if fault == "refuse":
        return REFUSAL
    if fault == "garbage":
        return b"<html>sorry</html>"
    if fault == "pyhanko":
        return timestamp_by_pyhanko(query, name)
    write_bytes("query.tsq", query)
    openssl("ts", "-reply", "-config", f"{name}.tsacnf", "-queryfile", "query.tsq", "-out", "answer.tsr")
    answer = open("answer.tsr", "rb").read()
    if fault == "replay":
        if os.path.exists("first.tsr"):
            return open("first.tsr", "rb").read()
        write_bytes("first.tsr", answer)
    if fault == "flipped":
        changed = bytearray(answer)
        changed[-1] ^= 1
        answer = bytes(changed)
    return answer


def timestamp_by_pyhanko(query, name):
    """openssl makes no timestamps with a certificate that is not meant for them; pyHanko does."""
    from asn1crypto.tsp import TimeStampReq
    from pyhanko.keys import load_cert_from_pemder, load_private_key_from_pemder
    from pyhanko.sign.timestamps import DummyTimeStamper

    key = load_private_key_from_pemder(f"{name}.key", passphrase=None)
    service = DummyTimeStamper(load_cert_from_pemder(f"{name}.pem"), key)
    return service.request_tsa_response(TimeStampReq.load(query)).dump()


def write_bytes(path, data):
    with open(path, "wb") as file:
        file.write(data)


def ocsp(query):
    write_bytes("query.der", query)
    openssl("ocsp", "-index", "issuing.index", "-CA", "issuing.pem", "-rsigner", "responder.pem", "-rkey", "responder.key",
            "-reqin", "query.der", "-respout", "answer.der", "-ndays", "7", "-resp_key_id", "-rmd", "sha256")
    return open("answer.der", "rb").read()


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, kind, body, status=200):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        name = self.path.lstrip("/")
        if name in ("root.crl", "issuing.crl", "tsa-root.crl"):
            self.answer("application/pkix-crl", open(name, "rb").read())
        else:
            self.answer("text/plain", b"no", 404)

    def do_POST(self):
        query = self.rfile.read(int(self.headers["Content-Length"]))
        path, profile = self.path, self.path.removeprefix("/tsa/")
        try:
            with lock:
                if path.startswith("/revoke/"):
                    revoke(path.removeprefix("/revoke/"))
                    self.answer("text/plain", b"done")
                elif path == "/tsa" and self.headers["Content-Type"] == "application/timestamp-query":
                    self.answer("application/timestamp-reply", timestamp(query, "tsa", None))
                elif profile == "status":
                    self.answer("text/plain", b"later", 503)
                elif profile in TSA_PROFILES:
                    self.answer("application/timestamp-reply", timestamp(query, *TSA_PROFILES[profile]))
                elif path == "/ocsp" and self.headers["Content-Type"] == "application/ocsp-request":
                    self.answer("application/ocsp-response", ocsp(query))
                else:
                    self.answer("text/plain", b"no", 404)
        except RuntimeError as error:
            print(error, file=sys.stderr)
            self.answer("text/plain", b"failed", 500)


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    os.chdir(folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    port = server.server_address[1]
    make(f"http://127.0.0.1:{port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"port": port}), flush=True)
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
