/** Why a mail did not arrive, by meaning: words before numbers, as in the judgement of SMTP replies. Knows no message format. */

export type Reason =
  | "user-unknown"
  | "host-unknown"
  | "has-moved"
  | "not-accepting"
  | "suspended"
  | "mailbox-full"
  | "system-full"
  | "too-big"
  | "too-many"
  | "spam"
  | "virus"
  | "blocked"
  | "policy"
  | "authentication"
  | "content"
  | "expired"
  | "network"
  | "system"
  | "rejected"
  | "undefined";

/** Reasons that say: nothing will ever arrive at this address. */
const DEAD: ReadonlySet<Reason> = new Set(["user-unknown", "host-unknown", "has-moved", "not-accepting"]);

/** In order: what is specific goes before what is general. */
const WORDS: readonly (readonly [Reason, RegExp])[] = [
  ["network", /unexpected name server reply|host not found, try again|name service error[^.]{0,80}try again/i],
  // Asked to come again, or to wait for what the server itself asks.
  ["too-many", /gr[ae]y-?list/i],
  [
    "system",
    /unverified (?:recipient )?address|address verification (?:in progress|failed|timed)|verif\w+[^.]{0,40}(?:timed out|temporar)/i,
  ],
  ["rejected", /recipient preferences|\bgroupe?\b[^.]{0,120}(?:permission|autoris)/i],
  [
    "mailbox-full",
    /(?:mail ?box|inbox|account|user|recipient|maildir|quota)[^.]{0,60}(?:\bfull\b|over ?-?quota|exceed(?:s|ed|ing)? (?:\S+ ){0,4}quota|out of (?:storage|space))|over ?-?quota|quota (?:has been )?exceed|exceed\w* (?:\S+ ){0,4}(?:quota|storage)|not enough (?:(?:disk|storage) )?(?:storage|space)\b|insufficient (?:disk )?(?:quota|space) (?:for|in)|mailbox is full|mail ?data size.*mailbox|disk quota|容量|一杯|storage (?:space|limit)|too much mail data|mailfolder is full/i,
  ],
  [
    "mailbox-full",
    new RegExp(
      [
        "(?:postfach|mailbox|speicherplatz|kontingent|quota)[^.]{0,60}(?:voll(?![a-z])|.{1,2}berf.{1,2}llt|ersch.{1,2}pft|.{1,2}berschritten)",
        "bo.{1,2}te (?:aux lettres|de r.{1,2}ception|mail|e-?mail)?[^.]{0,60}(?:pleine|satur)|quota[^.]{0,40}(?:d.{1,2}pass|atteint)",
        "buz.{1,2}n[^.]{0,60}(?:llen|excedi)|cuota[^.]{0,30}(?:excedid|superad)",
        "(?:casella|cassetta)[^.]{0,60}pien[ao]|spazio[^.]{0,30}esaurit",
        "caixa (?:de correio|postal|de entrada)[^.]{0,60}(?:chei|lotad)|cota[^.]{0,30}excedid",
        "(?:mailbox|postvak|postbus|brievenbus)[^.]{0,60}\\bvol\\b",
        "skrzynka[^.]{0,60}(?:pe.{1,2}na|przepe)|przekroczon[^.]{0,30}(?:limit|pojemno)",
        "(?:brevl.{1,2}da|inkorg|postkasse|postboks|innboks|indbakke)[^.]{0,60}\\b(?:full|fuld|fylt)",
        "postilaatikko[^.]{0,60}t.{1,2}ynn|kiinti.{1,2}[^.]{0,30}ylit",
        "schr.{1,2}nk[ay][^.]{0,60}(?:pln|p.{1,2}epln)",
        "ящик[^.]{0,60}(?:переполнен|заполнен)|квота[^.]{0,30}превышен",
        "メールボックス[^.]{0,20}(?:容量|一杯|いっぱい)|容量(?:を超|オーバー|超過)",
        "[邮郵信]箱[^.]{0,12}[满滿]|(?:메일함|사서함|편지함)[^.]{0,20}(?:가득|초과|꽉)",
        "posta kutusu[^.]{0,20}dolu|kota[^.]{0,20}(?:aş|dol)",
      ].join("|"),
      "i",
    ),
  ],
  [
    "has-moved",
    /\b(?:has|have) (?:been )?moved\b|user (?:has )?moved|no longer at this|new address is|address (?:has )?changed|has been replaced by|5\.1\.6/i,
  ],
  [
    "suspended",
    /\b(?:account|mailbox|user|recipient|address|email)\b[^.]{0,60}\b(?:suspend|disabled|deactivat|inactive|locked|not active|expired|frozen|blocked)|\binactive (?:user|account|mailbox|recipient)|\b(?:suspended|disabled) (?:account|mailbox|user)|mailbox currently (?:suspended|unavailable)|not accepting messages|account is (?:on )?hold|temporarily (?:disabled|deactivated) mailbox/i,
  ],
  [
    "not-accepting",
    /(?:host|domain|server)[^.]{0,50}(?:does not|doesn'?t|never) accept(?:s|ing)? (?:any )?(?:mail|message|e-?mail)|null ?mx|no smtp service|\bsmtp protocol violation: no mail|does not (?:run|accept) (?:smtp|mail)|521 .*(?:no mail|not accept)|5\.7\.27.*null|556 /i,
  ],
  [
    "authentication",
    /\b(?:spf|dkim|dmarc|arc)\b[^.]{0,80}(?:fail|not pass|reject|invalid|align|check|polic|soft|permerror|temperror|authenticat|mandatory|requir|missing)|(?:fail|violat|unauthenticat|not authenticat)\w*[^.]{0,80}\b(?:spf|dkim|dmarc)\b|unauthenticated (?:email|mail)|email (?:sent )?.*not (?:allowed|authorized) to send|sender[^.]{0,40}unauthenticated|5\.7\.(?:20|21|22|23|24|26|27|30)\b/i,
  ],
  ["virus", /\bvirus(?:es)?\b|malware|trojan|infected/i],
  [
    "too-big",
    /(?:message|mail|e-?mail|content|attachment)[^.]{0,40}(?:too (?:big|large)|exceed\w*[^.]{0,40}(?:size|limit|maximum)|size[^.]{0,30}exceed)|size (?:limit|exceeds)|maximum (?:message |fixed )?size|too large (?:to|for)|552 .*(?:size|large)|5\.3\.4|5\.2\.3/i,
  ],
  [
    "blocked",
    /my name was rejected|reverse dns|\bptr\b|rdns|\b(?:helo|ehlo)\b[^.]{0,60}(?:reject|invalid|not|bogus)|(?:black|block|deny)[ -]?list|\brbl\b|dnsbl|spamhaus|barracuda|sorbs|spamcop|reputation|\bip\b[^.]{0,80}(?:block|reject|ban|listed|denied|not allowed|polic)|(?:block|reject|ban)\w*[^.]{0,60}\bip\b|client host (?:\S+ )?(?:rejected|blocked)|cannot find your (?:hostname|reverse)|host(?:name)? (?:lookup|not found).*client|too many (?:spam|bad)|connections? (?:from|refused)[^.]{0,60}(?:dynamic|block|polic)|access denied[^.]{0,40}(?:ip|host)|not allowed to connect|dynamic ip|bad sender ip|senderbase/i,
  ],
  [
    "spam",
    /\bspam\b|\bspammy|unsolicited|\buce\b|\bube\b|junk|bulk (?:mail|e-?mail)|spamassassin|looks like|suspicious|considered (?:as )?(?:spam|bulk)/i,
  ],
  [
    "too-many",
    /too many (?:connections|messages|recipients|concurrent|mails|emails|errors|hops|sessions|users)|rate[ -]?limit|rate exceed|throttl|(?:receiving|sending|sent|received)[^.]{0,40}(?:too (?:many|quickly|fast)|rate|limit)|exceeded (?:the |your )?(?:hourly|daily|maximum (?:number|rate)|sending)|try again later.*rate|slow down|unusual rate/i,
  ],
  ["user-unknown", /\b(?:unknown user|user unknown|no such user)\b/i],
  [
    "host-unknown",
    /\bmx records?\b[^.]{0,40}non-?existent|(?:host|domain|server)(?: name)?[^.]{0,40}(?:not found|unknown|(?:does not|doesn'?t) exist|lookup (?:error|fail)|no such|couldn'?t be found|unrouteable)|(?:unknown|no such|bad|invalid|illegal) (?:host|domain)|nxdomain|no (?:mx|a) record|(?:name|host) (?:service|not) (?:known|resol)|couldn'?t find any host|\b[\w-]+(?:\.[\w-]+)+ does not exist|domain is not reachable|unrouteable mail domain|domain (?:name )?not found|illegal host\/domain|unrout\w+ address.*domain|5\.1\.2|dns (?:error|lookup)[^.]{0,80}(?:not exist|nxdomain|not found|no such)|unknown address error 550-'host/i,
  ],
  [
    "user-unknown",
    /\b(?:user|recipient|mailbox|address|account|alias|local ?part|destinataire|usuario|rcpt|customer|nickname|member|addressee)\b[^.]{0,60}(?:\bunknown\b|not (?:been )?(?:found|exist|listed|known|recogni[sz]ed|valid|here|our)|(?:does|do|did)(?:n'?t| not) (?:exist|have)|doesn'?t exist|no longer (?:exist|valid|in use|available|active|on)|unavailable|invalid|rejected: undeliverable|couldn'?t be found|non-?exist|is not (?:a )?(?:valid|known|our)|cannot be found|is unknown|undeliverable|terminated|closed|removed|deleted)|\b(?:no such|unknown|invalid|nonexistent|non-existent|bad|unrecognized|undefined) (?:local )?(?:user|recipient|mailbox|address|account|local|person|destination|rcpt|e-?mail)|no (?:mailbox|account|user)\b[^.]{0,30}(?:here|by that name|that name)|recipient address rejected(?:: access denied|[.\s]*(?:$|\[|\())|invalid final delivery userid|no valid recipients|check if address is correct|(?:not|isn'?t) a (?:valid|known) (?:user|mailbox|recipient|address)|address (?:you sent|error)|unrouteable address|user (?:doesn'?t|does not) have an? (?:\S+ )?account|not our customer|this user|not listed in|not in (?:my|our) (?:directory|user)|recipient(?:name)? is not recogni|unknown or illegal alias|delivery to[^.]{0,40}not (?:possible|valid)|recipient not (?:found|in)|does not like recipient|宛先|存在しません|no existe|n'existe|inconnu|unbekannt|не существует|не найден|sconosciut|inesistente|non esiste|não existe|inexistente|desconhecid|desconocid|onbekend|bestaat niet|nieznany|nie istnieje|okänd|finns inte|ukendt|ukjent|findes ikke|finnes ikke|tuntematon|ei löydy|neexistuje|neznám|неизвестн|見つかりません|存在しない|不存在|查无此|查無此|존재하지 않|알 수 없는|bulunamadı|mevcut değil|bilinmeyen/i,
  ],
  [
    "system-full",
    /\b(?:disk|file ?system|device|queue|server|system)\b[^.]{0,40}(?:\bfull\b|out of (?:space|storage)|no space)|no space left|insufficient (?:system )?(?:storage|resource|disk)|4\.3\.1|mail system full/i,
  ],
  [
    "expired",
    /(?:retry|delivery) (?:timeout|time)[^.]{0,30}exceed|queue too long|has been in the queue|gave up|giving up|retry (?:time|limit) (?:not )?(?:reached|exceeded)|envelope expired|message expired|delivery expired|expired|(?:could not|cannot|unable to) (?:be )?(?:deliver|send)[^.]{0,60}(?:for|within|after) (?:\S+ ){0,3}(?:hour|day)|undelivered (?:after|for)|time(?:d)?[ -]?out (?:waiting|exceeded)|delayed|still being retried|too (?:old|long in)|will (?:keep|continue) (?:re)?try|4\.4\.7/i,
  ],
  [
    "network",
    /connection (?:refused|timed ?out|reset|dropped|lost|closed|failure|was (?:dropped|refused|reset))|(?:unable|failed|could(?:n'?t| not)) (?:to )?(?:connect|establish|contact|reach)|network (?:is )?(?:unreachable|error|fail)|no route to host|host (?:is )?(?:unreachable|down|not respond)|(?:dns|name server|mx)[^.]{0,40}(?:fail|error|timeout|loop|temporar)|mail (?:loop|is looping)|loops? back|too many hops|hop count|routing loop|lost connection|operation timed out|tls[^.]{0,40}(?:fail|error|required|handshake)|starttls|no answer from host|bad greeting|unreachable/i,
  ],
  [
    "policy",
    /polic(?:y|ies)|not (?:permitted|allowed|authori[sz]ed|compliant)|prohibited|restrict|forbidden|relay(?:ing)?\b[^.]{0,40}(?:denied|not|prohibit|access)|unable to relay|access (?:denied|refused)|permission|denied|administrative|security|authenticat|login|rfc ?\d{3,4}|header/i,
  ],
  [
    "content",
    /content|mime|attachment|syntax|charset|malformed|bare (?:lf|cr)|line too long|message (?:was )?filtered|unsupported/i,
  ],
  ["rejected", /sender|from address|envelope.?from|mail from|return.?path|refus|reject|blocked|not accept/i],
  [
    "system",
    /local (?:error|config|problem)|internal|server (?:error|problem|configuration)|system (?:error|problem|not)|temporar|service (?:unavailable|not available)|resources|error|failure/i,
  ],
];

/** RFC 3463 subject.detail (without the class) to what it is about. */
const CODES: Readonly<Record<string, Reason>> = {
  "1.1": "user-unknown",
  "1.2": "host-unknown",
  "1.3": "user-unknown",
  "1.6": "has-moved",
  "1.7": "rejected",
  "1.8": "rejected",
  "1.10": "not-accepting",
  "2.0": "user-unknown",
  "2.1": "suspended",
  "2.2": "mailbox-full",
  "2.3": "too-big",
  "3.1": "system-full",
  "3.4": "too-big",
  "4.1": "expired",
  "4.2": "network",
  "4.3": "system",
  "4.4": "host-unknown",
  "4.5": "too-many",
  "4.6": "network",
  "4.7": "expired",
  "7.1": "policy",
};

const AT_MAIL = /(?:after|in reply to) mail from/i;
/** Addresses a reply repeats: how they are spelled says nothing. */
const NAMES = /[^\s<>"']{0,64}@[^\s<>"']{0,255}/g;
const MOST = 4000;

/**
 * The reason of a failure.
 * @param status the enhanced status code (RFC 3463), or null.
 * @param diagnostic what the server or the notice said, the more specific the better.
 */
export function reasonOf(status: string | null, diagnostic: string): Reason {
  const text = diagnostic.slice(0, MOST).replaceAll(NAMES, "x").replaceAll(/\s+/g, " ");
  // These speak of the sender, whatever the words say does not exist.
  if (/\.1\.[78]$/.test(status ?? "") || AT_MAIL.test(text)) return "rejected";
  for (const [reason, words] of WORDS) {
    if (reason === "policy" && status && CODES[status.slice(2)]) break;
    if (words.test(text)) return reason;
  }
  const byCode = status === null ? undefined : CODES[status.slice(2)];
  if (byCode) return byCode;
  return WORDS.find(([, words]) => words.test(text))?.[0] ?? "undefined";
}

/** Whether nothing will ever arrive there. */
export function isDead(reason: Reason): boolean {
  return DEAD.has(reason);
}
