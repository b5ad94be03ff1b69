/** A pool that knows for how long its connections were waited for. Otherwise pg's own. */
import pg from "pg";

export class MeasuredPool extends pg.Pool {
  /** How often a connection was given. */
  acquired = 0;
  /** For how long connections were waited for, all together. */
  waitedMs = 0;

  override connect(): Promise<pg.PoolClient>;
  override connect(
    callback: (error: Error | undefined, client: pg.PoolClient | undefined, done: () => void) => void,
  ): void;
  // The pool's own query() asks with a callback, everybody else for a promise.
  override connect(callback?: (...answer: any[]) => void): Promise<pg.PoolClient> | void {
    const askedMs = performance.now();
    const given = () => {
      this.acquired += 1;
      this.waitedMs += performance.now() - askedMs;
    };
    if (!callback) {
      return super.connect().then((client) => {
        given();
        return client;
      });
    }
    super.connect((...answer) => {
      if (!answer[0]) given();
      callback(...answer);
    });
  }
}
