/** The words of the web application: each sentence is a literal, and each has its German. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const web = join(import.meta.dirname, "../web");
const files = readdirSync(web, { recursive: true, encoding: "utf8" }).filter((file) => /\.tsx?$/.test(file));
const text = (file: string) => readFileSync(join(web, file), "utf8");
const german = JSON.parse(text("locales/de.json")) as Record<string, string>;
const sentences = new Set(
  files.flatMap((file) =>
    [...text(file).matchAll(/\bt\(\s*("(?:[^"\\]|\\.)*")/g)].map(([, literal]) => JSON.parse(literal!) as string),
  ),
);

it("every sentence of the web application is a literal, so that the catalogue can be checked", () => {
  expect(files.length).toBeGreaterThan(40);
  const loose = files
    .filter((file) => file !== "i18n.ts")
    .flatMap((file) => [...text(file).matchAll(/[^\w.]t\((?!\s*")[^)]*/g)].map(([call]) => `${file}: ${call}`));
  expect(loose).toEqual([]);
});

it("German is complete, has nothing that is not used, and fills in the same values", () => {
  expect(sentences.size).toBeGreaterThan(500);
  expect([...sentences].filter((sentence) => !german[sentence])).toEqual([]);
  expect(Object.keys(german).filter((sentence) => !sentences.has(sentence))).toEqual([]);
  // Only what stands outside the branches of a plural is a name: `{count, plural, one {…}}` has count alone.
  const names = (sentence: string) =>
    [...new Set([...sentence.matchAll(/\{(\w+)(?=[,}])/g)].map(([, name]) => name!))].sort((a, b) =>
      a.localeCompare(b),
    );
  for (const [sentence, translated] of Object.entries(german))
    expect(names(translated), sentence).toEqual(names(sentence));
});
