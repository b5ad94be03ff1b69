/** The mail both sides of the bench send: a small HTML newsletter with a few values of its own for everybody. */

const paragraph =
  '<tr><td style="padding: 8px 24px; font-family: Arial, sans-serif; font-size: 15px; line-height: 22px; color: #1d2433">' +
  "Every Thursday we show one thing that saves an afternoon. This week: how a Schedule with three mails answers more " +
  "questions than one long one, and why the second should be the shortest.</td></tr>\n";

export const SUBJECT = "{{ first_name }}, what {{ company }} asked us";

export const HTML =
  '<!doctype html>\n<html><head><meta charset="utf-8"><title>News</title></head><body style="margin: 0; background: #f4f6fa">\n' +
  '<table role="presentation" width="100%"><tr><td align="center"><table role="presentation" width="600">\n' +
  '<tr><td style="padding: 24px; font-family: Arial, sans-serif; font-size: 22px">Dear {{ first_name }} {{ last_name }},</td></tr>\n' +
  paragraph.repeat(12) +
  '{% if company %}<tr><td style="padding: 8px 24px">What others at {{ company }} read most, {{ email }}:</td></tr>{% endif %}\n' +
  '<tr><td style="padding: 24px; font-size: 12px; color: #667">{{ postal_address }}<br>' +
  '<a href="{{ unsubscribe_url }}">Unsubscribe</a></td></tr>\n</table></td></tr></table></body></html>\n';

const line =
  "Every Thursday we show one thing that saves an afternoon. This week: how a Schedule\nwith three mails answers more questions than one long one.\n\n";

export const TEXT =
  "Dear {{ first_name }} {{ last_name }},\n\n" +
  line.repeat(8) +
  "{% if company %}What others at {{ company }} read most, {{ email }}.{% endif %}\n\n{{ postal_address }}\n\n{{ unsubscribe_url }}\n";

/** Person `n`, the same on both sides. */
export const personOf = (n: number) => ({
  first_name: n % 7 === 0 ? `Zoë ${n}` : `Ana ${n}`,
  last_name: "O'Brien",
  company: `Müller & Söhne ${n % 500}`,
  email: `p${n}@example.org`,
});
