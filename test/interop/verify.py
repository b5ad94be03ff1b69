"""Reads mails with Python's own email package and verifies their DKIM signatures with dkimpy; answers JSON."""
import email
import email.errors
import email.header
import email.policy
import email.utils
import json
import sys

import dkim

with open(sys.argv[1]) as file:
    records = json.load(file)


def record(name, timeout=5):
    key = (name.decode() if isinstance(name, bytes) else name).rstrip(".")
    return records[key].encode() if key in records else None


def verified(verifier, index):
    try:
        return verifier.verify(idx=index, dnsfunc=record)
    except dkim.ValidationError:
        return False


def allowed(defect):
    # RFC 6531 3.3: the package knows addresses as RFC 5322 has them only; who may get one of these is asked elsewhere.
    return isinstance(defect, email.errors.NonASCIILocalPartDefect)


def name_in(header):
    # RFC 2047 6.2: what stands between two encoded words is no text. The new parser shows it in names (3.11), the old does not.
    phrase, _ = email.utils.parseaddr(header.replace("\r", "").replace("\n", ""))
    return str(email.header.make_header(email.header.decode_header(phrase)))


def look(path):
    with open(path, "rb") as file:
        data = file.read()
    # RFC 6532: a header may be UTF-8, which is text to this package and not bytes.
    mail = email.message_from_string(data.decode("utf-8"), policy=email.policy.default)
    verifier = dkim.DKIM(data)
    count = len(mail.get_all("DKIM-Signature", []))
    return {
        "verified": [verified(verifier, index) for index in range(count)],
        "defects": [str(defect) for part in mail.walk() for defect in part.defects]
        + [str(defect) for value in mail.values() for defect in getattr(value, "defects", []) if not allowed(defect)],
        "types": [part.get_content_type() for part in mail.walk()],
        "subject": mail["Subject"],
        "from": mail["From"].addresses[0].addr_spec,
        "to": {"name": name_in(dict(mail.raw_items())["To"]), "address": mail["To"].addresses[0].addr_spec},
        "text": mail.get_body(("plain",)).get_content(),
        "html": mail.get_body(("html",)).get_content(),
    }


with open(sys.argv[2]) as file:
    paths = json.load(file)
print(json.dumps([look(path) for path in paths]))
