/** The entries that do not sync, and why. A bounded list: past the bound only the count of a kind would help anyone. */
import type { Problem, ProblemKind } from './status.ts'

const PROBLEMS_MAX = 1000
/** Found by looking at the disk; a scan finds them again. */
const LOCAL: ReadonlySet<ProblemKind> = new Set([
  'unreadable',
  'special-file',
  'bad-name',
  'name-too-long',
  'other-filesystem',
])

export class Problems {
  readonly #byPath = new Map<string, Problem>()
  readonly #changed: (path: string) => void

  /** `changed`: what is said of the path. */
  constructor(changed: (path: string) => void) {
    this.#changed = changed
  }

  readonly add = (path: string, kind: ProblemKind, message: string): void => {
    const known = this.#byPath.get(path)
    if (known?.kind === kind && known.message === message) return
    if (!known && this.#byPath.size >= PROBLEMS_MAX) return
    this.#byPath.set(path, { path, kind, message })
    this.#changed(path)
  }

  readonly remove = (path: string): void => {
    if (this.#byPath.size > 0 && this.#byPath.delete(path)) this.#changed(path)
  }

  clearLocal(): void {
    for (const [path, { kind }] of this.#byPath) if (LOCAL.has(kind)) this.#byPath.delete(path)
  }

  at(path: string): Problem | undefined {
    return this.#byPath.get(path)
  }

  /** Something there, or below, could not be read. */
  wasClosed(path: string): boolean {
    for (const [at, { kind }] of this.#byPath)
      if (kind === 'unreadable' && (at === path || at.startsWith(`${path}/`))) return true
    return false
  }

  list(): readonly Problem[] {
    return [...this.#byPath.values()]
  }
}
