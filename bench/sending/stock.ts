/**
 * The loop one would wire from stock parts, as well as it can be: nunjucks templates compiled once, a nodemailer pool,
 * quoted-printable said outright, DKIM with a key opened once. It records nothing. Runs as a process of its own.
 */
import { createPrivateKey } from "node:crypto";
import { createTransport } from "nodemailer";
import nunjucks from "nunjucks";
import { HTML, personOf, SUBJECT, TEXT } from "./content.ts";
import { serveRounds } from "./rounds.ts";

const { port, first, mails, connections, key } = JSON.parse(process.argv[2]!);
const escaping = new nunjucks.Environment(null, { autoescape: true });
const plain = new nunjucks.Environment(null, { autoescape: false });
const subject = nunjucks.compile(SUBJECT, plain);
const html = nunjucks.compile(HTML, escaping);
const text = nunjucks.compile(TEXT, plain);
const pool = createTransport({
  pool: true,
  host: "127.0.0.1",
  port,
  secure: false,
  ignoreTLS: true,
  maxConnections: connections,
  maxMessages: Number.POSITIVE_INFINITY,
  ...(key && { dkim: { domainName: "example.com", keySelector: "bench", privateKey: createPrivateKey(key) as never } }),
});
serveRounds(round, () => pool.close());

async function round(): Promise<number> {
  let next = first;
  await Promise.all(
    Array.from({ length: connections * 2 }, async () => {
      while (next < first + mails) {
        const n = next++;
        const person = personOf(n);
        const values = {
          ...person,
          postal_address: "Example Ltd, 1 High Street, Lisbon",
          unsubscribe_url: `http://localhost/u/${n}.abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG`,
        };
        await pool.sendMail({
          from: { name: "Marta Silva", address: "marta@example.com" },
          to: { name: `${person.first_name} ${person.last_name}`, address: person.email },
          subject: subject.render(values),
          html: html.render(values),
          text: text.render(values),
          textEncoding: "quoted-printable",
          headers: {
            "List-Unsubscribe": `<${values.unsubscribe_url}>`,
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
          },
        });
      }
    }),
  );
  return mails;
}
