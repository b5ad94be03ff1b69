/** What mails to users say, by language. */
type Words = {
  readonly reset: (name: string) => { subject: string; lines: string[] };
  readonly invitation: (name: string, workspace: string) => { subject: string; lines: string[] };
};

const english: Words = {
  reset: (name) => ({
    subject: "A new password for Tidings",
    lines: [
      `Hello ${name},`,
      "With this link you choose a new password. It works once, within an hour.",
      "If you did not ask for it, ignore this mail: nothing has changed.",
    ],
  }),
  invitation: (name, workspace) => ({
    subject: `You are invited to ${workspace || "Tidings"}`,
    lines: [
      `Hello ${name},`,
      `You are invited to the email campaigns of ${workspace || "Tidings"}. With this link you choose a password and are in. It works once, within 7 days.`,
    ],
  }),
};

const german: Words = {
  reset: (name) => ({
    subject: "Ein neues Passwort für Tidings",
    lines: [
      `Hallo ${name},`,
      "mit diesem Link wählst du ein neues Passwort. Er gilt einmal und eine Stunde lang.",
      "Hast du ihn nicht angefordert, ist nichts zu tun: Es hat sich nichts geändert.",
    ],
  }),
  invitation: (name, workspace) => ({
    subject: `Einladung zu ${workspace || "Tidings"}`,
    lines: [
      `Hallo ${name},`,
      `du bist zu den E-Mail-Kampagnen von ${workspace || "Tidings"} eingeladen. Mit diesem Link wählst du ein Passwort und bist dabei. Er gilt einmal und sieben Tage lang.`,
    ],
  }),
};

export const wordsIn = (language: string): Words => (language.startsWith("de") ? german : english);
