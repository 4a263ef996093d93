/**
 * `.latticeignore`: gitignore syntax, one file per directory, the deeper one having the last word. The files
 * themselves sync like any other. Only `.lattice/` is ignored without being asked.
 *
 * Anyone who may write to the folder may write them, so they are bounded: a rule becomes a regular expression, which
 * the engine refuses when it is too long, and every path is held against every rule.
 */
import ignore, { type Ignore } from 'ignore'
import fs from 'node:fs'
import { join } from 'node:path'
import { errnoOf, isGone } from './disk.ts'
import { PARKED_PATH } from './folder-index.ts'
import { CONTROL_DIR } from './marker.ts'

export const IGNORE_FILE = '.latticeignore'
/** A longer file says nothing, as does a longer rule, and one after so many. */
const IGNORE_BYTES_MAX = 1024 * 1024
const RULE_LENGTH_MAX = 1024
const RULES_MAX = 2000

export interface Ignored {
  /** For a person: which rule of which file. */
  readonly reason: string
}

export class IgnoreRules {
  readonly #root: string
  /** Directory path → its own rules; null: it has none. Dropped when an ignore file or a directory changes. */
  readonly #rules = new Map<string, Ignore | null>()
  /** Directory path → why it is ignored; null: it is not. */
  readonly #dirs = new Map<string, Ignored | null>()

  constructor(root: string) {
    this.#root = root
  }

  /** Rules are read anew from here on. */
  forget(): void {
    this.#rules.clear()
    this.#dirs.clear()
  }

  /**
   * Why an entry does not sync; undefined: it does. What lies in an ignored directory is ignored with it. What is parked
   * syncs like before; in a parked directory its own rules hold, and the root's.
   */
  explain(path: string, isDir: boolean): Ignored | undefined {
    const isParked = path.startsWith(`${PARKED_PATH}/`)
    const names = (isParked ? path.slice(PARKED_PATH.length + 1) : path).split('/')
    if (isParked && names.length === 1) return undefined
    if (!isParked && names[0] === CONTROL_DIR) return { reason: `${CONTROL_DIR}/ holds Lattice's own files` }
    const slash = path.lastIndexOf('/')
    const parent = slash < 0 ? undefined : this.#dir(path.slice(0, slash))
    return parent ?? this.#own(names, isDir, isParked)
  }

  #dir(path: string): Ignored | undefined {
    const known = this.#dirs.get(path)
    if (known !== undefined) return known ?? undefined
    const why = this.explain(path, true)
    this.#dirs.set(path, why ?? null)
    return why
  }

  #own(names: readonly string[], isDir: boolean, isParked: boolean): Ignored | undefined {
    for (let depth = names.length - 1; depth >= 0; depth--) {
      const dir = (isParked && depth > 0 ? [PARKED_PATH] : []).concat(names.slice(0, depth)).join('/')
      const rules = this.#of(dir)
      if (!rules) continue
      const verdict = rules.test(names.slice(depth).join('/') + (isDir ? '/' : ''))
      if (verdict.unignored) return undefined
      const file = dir === '' ? IGNORE_FILE : `${dir}/${IGNORE_FILE}`
      if (verdict.ignored) return { reason: `the rule "${verdict.rule?.pattern ?? ''}" in ${file}` }
    }
    return undefined
  }

  #of(dir: string): Ignore | null {
    const known = this.#rules.get(dir)
    if (known !== undefined) return known
    const rules = this.#read(join(this.#root, dir, IGNORE_FILE))
    this.#rules.set(dir, rules)
    return rules
  }

  #read(path: string): Ignore | null {
    try {
      const st = fs.lstatSync(path, { throwIfNoEntry: false })
      if (!st?.isFile() || st.size > IGNORE_BYTES_MAX) return null
      return ignore().add(boundedRules(fs.readFileSync(path, 'utf8')))
    } catch (error) {
      const code = errnoOf(error)
      if (isGone(code) || code === 'EACCES' || code === 'EPERM') return null
      throw error
    }
  }
}

const boundedRules = (text: string): string =>
  text
    .split(/\r?\n/)
    .filter((line) => line !== '' && !line.startsWith('#') && line.length <= RULE_LENGTH_MAX)
    .slice(0, RULES_MAX)
    .join('\n')
