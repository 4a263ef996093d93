/** Time as the sync layer sees it. Production wraps the system's; the simulator's is virtual and seeded. */

export interface Timers {
  nowMs(): number
  /** Calls back once after `delayMs`; returns the cancel. Every use states its reason: a deadline or a back-off. */
  after(delayMs: number, callback: () => void): () => void
  /** Uniform in [0, 1); for jitter only. */
  random(): number
}
