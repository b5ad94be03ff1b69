"""Reads mails with Python's own email package and verifies their DKIM signatures with dkimpy; answers JSON."""
import email
import email.policy
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


def look(path):
    with open(path, "rb") as file:
        data = file.read()
    mail = email.message_from_bytes(data, policy=email.policy.default)
    verifier = dkim.DKIM(data)
    count = len(mail.get_all("DKIM-Signature", []))
    return {
        "verified": [verified(verifier, index) for index in range(count)],
        "defects": [str(defect) for part in mail.walk() for defect in part.defects]
        + [str(defect) for value in mail.values() for defect in getattr(value, "defects", [])],
        "types": [part.get_content_type() for part in mail.walk()],
        "subject": mail["Subject"],
        "from": mail["From"].addresses[0].addr_spec,
        "text": mail.get_body(("plain",)).get_content(),
        "html": mail.get_body(("html",)).get_content(),
    }


print(json.dumps([look(path) for path in sys.argv[2:]]))
