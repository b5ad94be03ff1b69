/** Recognises complaints (RFC 5965 and what came before it) and from whom they are. Pure. */
import { addressIn, headerOf, type ReceivedMail, reportsOf } from "./mail.ts";
import { complainants } from "./report.ts";
import { mild, type Verdict } from "./verdict.ts";

/** Null where it is none; `not-spam` takes one back. */
export function complaintIn(mail: ReceivedMail): readonly Verdict[] | "not-spam" | null {
  const feedback = reportsOf(mail, "feedback-report").join("\n\n");
  const plainly = /^Feedback-Type:\s*\w/im.test(mail.text) && mail.originals.length > 0 ? mail.text : "";
  const written = feedback || plainly;
  const byHotmail =
    written === "" && /^staff@hotmail\.com$/i.test(mail.from?.address ?? "") && /complaint/i.test(mail.subject);
  if (written === "" && !byHotmail) return null;
  // A report on authentication (RFC 6591) says that no person complained; `reason` keeps the two apart.
  const type = /^Feedback-Type:\s*([\w-]+)/im.exec(written)?.[1]?.toLowerCase() ?? "abuse";
  if (type === "not-spam") return "not-spam";
  const known = addressIn(headerOf(mail, "x-hmxmroriginalrecipient"));
  const people = known ? [known] : complainants(written, mail.originals.join("\n\n").slice(0, MOST_ORIGINAL));
  const reason = type === "auth-failure" ? "authentication" : "complaint";
  return (people.length > 0 ? people : [null]).map((recipient) => mild(recipient, reason));
}

const MOST_ORIGINAL = 50_000;
