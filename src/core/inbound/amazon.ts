/** Reads what Amazon SES tells of deliveries, bounces and complaints as JSON, when SNS sends it by mail. Pure. */
import type { InboundKind } from "./classify.ts";
import { addressIn } from "./mail.ts";
import { statusIn } from "./report.ts";
import { mild, type Verdict, verdictOf } from "./verdict.ts";

/** Broken by the line ends of a mail, it is no JSON any more; its values are found all the same. */
export function fromAmazon(written: string): { kind: InboundKind; verdicts: Verdict[] } | null {
  const text = fromTopic(written.trim().slice(0, MOST_TEXT));
  const kind = /^\{[\s\S]{0,500}"(?:notification|event)Type"\s*:\s*"(\w+)"/.exec(text)?.[1];
  if (kind === undefined) return null;
  const json = text.split(/\n-- ?\n/)[0]!.replaceAll(/\n[ \t]*/g, "");
  const values = (name: string) =>
    [...json.matchAll(new RegExp(`"${name}"\\s*:\\s*"((?:[^"\\\\]|\\\\.)*)"`, "g"))].map(([, value]) => value!);
  const listed = (name: string) => addressIn(new RegExp(`"${name}"\\s*:\\s*\\[([^\\]]*)\\]`).exec(json)?.[1] ?? "");
  const recipients = orNobody(values("emailAddress").flatMap((one) => addressIn(one) ?? []));
  if (kind === "Complaint")
    return { kind: "complaint", verdicts: recipients.map((recipient) => mild(recipient, "complaint")) };
  if (kind === "Delivery") {
    const status = statusIn(values("smtpResponse")[0] ?? "") ?? "2.0.0";
    return { kind: "delivered", verdicts: [mild(listed("recipients") ?? listed("destination"), "delivered", status)] };
  }
  if (kind !== "Bounce") return null;
  const [statuses, diagnostics] = [values("status"), values("diagnosticCode")];
  return {
    kind: "bounce",
    verdicts: recipients.map((recipient, at) =>
      verdictOf(
        { recipient, action: "failed", status: statusIn(statuses[at] ?? ""), diagnostic: diagnostics[at] ?? "" },
        "",
        "",
      ),
    ),
  };
}

const MOST_TEXT = 50_000;
const MOST_RECIPIENTS = 1000;

/** Broken beyond its addresses it still says what happened. */
const orNobody = (addresses: readonly string[]): readonly (string | null)[] =>
  addresses.length > 0 ? addresses.slice(0, MOST_RECIPIENTS) : [null];

/** A topic without raw delivery puts it as text into JSON of its own. */
function fromTopic(text: string): string {
  const within = /^\{[\s\S]{0,1000}"Message"\s*:\s*("\{(?:[^"\\]|\\.)*")/.exec(text.replaceAll(/\n[ \t]*/g, ""))?.[1];
  if (within === undefined) return text;
  try {
    return String(JSON.parse(within));
  } catch {
    return text;
  }
}
