/**
 * Someone who edits, renames, moves and deletes at random in a directory, and remembers every version written and
 * every version replaced or deleted *knowingly*: after having held its bytes.
 *
 * A person at an editor cannot lose a version unseen, so this one must not either. It never replaces what it has not
 * read: a delete first takes the file out by one atomic rename and then reads what it took; an edit reads and writes
 * through one open descriptor; a new file appears by link(2), which never replaces.
 */
import fs from 'node:fs'
import path from 'node:path'
import type { Random } from '../support/random.ts'

/** Shared by all scribblers of one run. A version is named by its first line. */
export class Ledger {
  readonly written = new Map<string, string>()
  readonly gone = new Set<string>()
  readonly #diary: string
  #next = 0

  /** `diary`: a file for all that was done, a line each, for whoever looks for the cause of a failure. */
  constructor(diary: string) {
    this.#diary = diary
  }

  note(side: string, ...what: readonly string[]): void {
    fs.appendFileSync(this.#diary, `${[new Date().toISOString(), side, ...what].join(' ')}\n`)
  }

  version(side: string, file: string, random: Random): { id: string; bytes: Buffer } {
    const id = `version ${side} ${this.#next++}`
    this.written.set(id, file)
    const padding = random.below(20) === 0 ? random.below(400_000) : random.below(3000)
    return { id, bytes: Buffer.concat([Buffer.from(`${id}\n`), Buffer.alloc(padding, random.below(256))]) }
  }

  /** The id in a file's first line; undefined for anything else, a half-written file included. */
  static idOf(bytes: Buffer): string | undefined {
    return /^version \w+ \d+(?=\n)/.exec(bytes.subarray(0, 64).toString('latin1'))?.[0]
  }
}

export class Scribbler {
  readonly #root: string
  readonly #outside: string
  readonly #side: string
  readonly #ledger: Ledger
  readonly #random: Random
  #steps = 0

  /** `outside`: a directory on the same filesystem, not synced: where deleted files go to be read. */
  constructor(options: { root: string; outside: string; side: string; ledger: Ledger; random: Random }) {
    this.#root = options.root
    this.#outside = options.outside
    this.#side = options.side
    this.#ledger = options.ledger
    this.#random = options.random
  }

  /** One random act. Losing a race against the node that writes here too is part of life: such an act does nothing. */
  step(): void {
    this.#steps++
    const { files, dirs } = this.#look()
    const file = this.#random.pick(files)
    const dir = this.#random.pick(dirs) ?? ''
    const dice = this.#random.next()
    try {
      if (file === undefined || (dice < 0.3 && files.length < 300)) this.#create(dir)
      else if (dice < 0.6) this.#edit(file)
      else if (dice < 0.7) this.#save(file)
      else if (dice < 0.8) this.#move(file, path.join(dir, this.#name('f')))
      else if (dice < 0.86 && dir !== '') this.#move(dir, path.join(this.#random.pick(dirs) ?? '', this.#name('d')))
      else if (dice < 0.93 && dirs.length < 30) this.#mkdir(path.join(dir, this.#name('d')))
      else this.#remove(file)
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      if (!['ENOENT', 'EEXIST', 'ENOTDIR', 'EINVAL', 'ENOTEMPTY', 'EISDIR'].includes(code ?? '')) throw error
    }
  }

  #note(...what: readonly string[]): void {
    this.#ledger.note(this.#side, ...what)
  }

  #name(prefix: string): string {
    return `${prefix}${this.#random.below(60)}`
  }

  #mkdir(name: string): void {
    fs.mkdirSync(path.join(this.#root, name))
    this.#note('mkdir', name)
  }

  #create(dir: string): void {
    this.#writeNew(path.join(dir, this.#name('f')))
  }

  #writeNew(name: string): void {
    const version = this.#ledger.version(this.#side, name, this.#random)
    const temporary = path.join(this.#outside, `new-${this.#steps}`)
    fs.writeFileSync(temporary, version.bytes)
    try {
      fs.linkSync(temporary, path.join(this.#root, name))
      this.#note('create', name, version.id)
    } catch (error) {
      this.#ledger.written.delete(version.id)
      throw error
    } finally {
      fs.unlinkSync(temporary)
    }
  }

  /** In place, through one descriptor, as a database or a log does. */
  #edit(name: string): void {
    const fd = fs.openSync(path.join(this.#root, name), fs.constants.O_RDWR | fs.constants.O_NOFOLLOW)
    try {
      const old = Ledger.idOf(fs.readFileSync(fd))
      const version = this.#ledger.version(this.#side, name, this.#random)
      fs.ftruncateSync(fd, 0)
      fs.writeSync(fd, version.bytes, 0, version.bytes.length, 0)
      if (old !== undefined) this.#ledger.gone.add(old)
      this.#note('edit', name, `${old} -> ${version.id}`)
    } finally {
      fs.closeSync(fd)
    }
  }

  /** Takes the old file away, then puts a new one under its name, as an editor that keeps backups does. */
  #save(name: string): void {
    this.#remove(name)
    this.#writeNew(name)
  }

  #remove(name: string): void {
    const taken = path.join(this.#outside, `taken-${this.#steps}`)
    fs.renameSync(path.join(this.#root, name), taken)
    const id = Ledger.idOf(fs.readFileSync(taken))
    if (id !== undefined) this.#ledger.gone.add(id)
    this.#note('remove', name, `${id}`)
    fs.unlinkSync(taken)
  }

  /** link + unlink for files, so that nothing is replaced; plain rename(2) for directories, which only replaces empty ones. */
  #move(from: string, to: string): void {
    const source = path.join(this.#root, from)
    const target = path.join(this.#root, to)
    if (fs.lstatSync(source).isDirectory()) {
      fs.renameSync(source, target)
      return this.#note('move', `${from}/`, `${to}/`)
    }
    const taken = path.join(this.#outside, `moving-${this.#steps}`)
    fs.renameSync(source, taken)
    try {
      fs.linkSync(taken, target)
      this.#note('move', from, to)
    } catch {
      const id = Ledger.idOf(fs.readFileSync(taken))
      this.#note('lose', from, to, `${id}`)
      if (id !== undefined) this.#ledger.gone.add(id)
    } finally {
      fs.unlinkSync(taken)
    }
  }

  #look(): { files: string[]; dirs: string[] } {
    const files: string[] = []
    const dirs: string[] = ['']
    const visit = (relative: string): void => {
      let entries: fs.Dirent[]
      try {
        entries = fs.readdirSync(path.join(this.#root, relative), { withFileTypes: true })
      } catch {
        return
      }
      for (const entry of entries) {
        if (relative === '' && entry.name === '.lattice') continue
        const name = path.join(relative, entry.name)
        if (entry.isDirectory()) {
          dirs.push(name)
          visit(name)
        } else if (entry.isFile()) files.push(name)
      }
    }
    visit('')
    return { files, dirs }
  }
}

/** Every version found under a directory, whatever the file is called; `.lattice` included. */
export function versionsUnder(root: string): Set<string> {
  const found = new Set<string>()
  const visit = (dir: string): void => {
    for (const entry of fs.readdirSync(dir, { withFileTypes: true })) {
      const full = path.join(dir, entry.name)
      if (entry.isDirectory()) visit(full)
      else if (entry.isFile()) {
        const id = Ledger.idOf(fs.readFileSync(full))
        if (id !== undefined) found.add(id)
      }
    }
  }
  visit(root)
  return found
}
