/** Measurements that are read from the database when Prometheus asks for them, all in one look. Counts nothing by itself. */
import { Gauge, type Registry } from "prom-client";

/** A gauge as data: what it says, and the names of its labels. */
type Described = { readonly help: string; readonly labels?: readonly string[] };
export type Gauges<Name extends string> = Readonly<Record<Name, Described>>;

/** One value of a gauge. */
export type Reading<Name extends string = string> = {
  readonly name: Name;
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
};

/**
 * Registers gauges that `read` fills whenever the registry is asked; who asks at the same time shares one reading. What
 * cannot be read is absent, never old, and `tidings_measured` is 0.
 */
export function measure<Name extends string>(
  registry: Registry,
  gauges: Gauges<Name>,
  read: () => Promise<readonly Reading<Name>[]>,
): void {
  let reading: Promise<void> | undefined;
  const made = new Map<string, Gauge>();
  const measured = new Gauge({
    name: "tidings_measured",
    help: "1: what the database knows could be measured; 0: it could not, and is absent.",
    registers: [registry],
    collect: fresh,
  });
  for (const [name, { help, labels = [] }] of Object.entries<Described>(gauges))
    made.set(name, new Gauge({ name, help, labelNames: [...labels], registers: [registry], collect: fresh }));

  function fresh(): Promise<void> {
    return (reading ??= fill().finally(() => {
      reading = undefined;
    }));
  }

  async function fill(): Promise<void> {
    let found: readonly Reading<Name>[] = [];
    let good = 1;
    try {
      found = await read();
    } catch {
      good = 0;
    }
    for (const gauge of made.values()) {
      gauge.reset();
      // Without labels a reset gauge says 0, which would be a lie.
      gauge.remove({});
    }
    for (const { name, labels = {}, value } of found) made.get(name)?.set(labels, value);
    measured.set(good);
  }
}
