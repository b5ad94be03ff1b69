/** The scenes of the fault suite by name, and how large they are. Judges nothing. */
import { clockJumps } from "./clocks.ts";
import { diskFull } from "./disk-full.ts";
import { failover } from "./failover.ts";
import { kills } from "./kills.ts";
import { networkCut } from "./network.ts";
import { relayMisbehaves } from "./relay.ts";
import { runKilled } from "./run-killed.ts";
import type { Outcome } from "./scene.ts";
import type { Server } from "./stage.ts";
import { twoVersions } from "./versions.ts";
import { zombie } from "./zombie.ts";

export type Size = {
  /** Of the scene of kills. */
  readonly mails: number;
  readonly kills: number;
  /** People of each further scene, with five steps each. */
  readonly people: number;
  readonly run: { readonly people: number; readonly days: readonly number[]; readonly killsADay: number };
  /** A lease is waited for as it is, instead of put forward. */
  readonly realTime: boolean;
};
export const SHORT: Size = {
  mails: 5000,
  kills: 30,
  people: 60,
  run: { people: 300, days: [0, 3], killsADay: 3 },
  realTime: false,
};
export const LONG: Size = {
  mails: 100_000,
  kills: 500,
  people: 400,
  run: { people: 2000, days: [0, 3, 7, 14, 21], killsADay: 10 },
  realTime: true,
};

type Given = {
  readonly server: Server;
  readonly size: Size;
  readonly seed: number;
  readonly say: (text: string) => void;
};

/** A sentence instead of an outcome: it cannot be played here, and why. */
export const SCENES: Readonly<Record<string, (given: Given) => Promise<Outcome | string>>> = {
  kills: ({ server, size, seed, say }) => kills(server, { mails: size.mails, wanted: size.kills, seed }, say),
  run: ({ size, seed }) => runKilled(size.run, seed),
  zombie: ({ server, size }) => zombie(server, size),
  relay: ({ server, size, seed }) => relayMisbehaves(server, { people: size.people, seed }),
  network: ({ server, size }) => networkCut(server, size),
  clocks: ({ server, size }) => clockJumps(server, size),
  versions: ({ server, size }) => twoVersions(server, size),
  disk: ({ size }) => diskFull(size),
  failover: ({ size }) => failover(size),
};

/** Scenes that are played one after the other; lanes are played side by side, since most of them wait most of the time. */
export const LANES: readonly (readonly string[])[] = [
  ["kills"],
  ["zombie", "relay", "clocks", "versions"],
  ["run", "network", "disk", "failover"],
];
