/** What the person at a joining device types of the words it shows: a line each, about the words shown last. */
import { createInterface } from 'node:readline'
import type { LatticeError, Result } from '#kernel/core/result.ts'

export interface WordsAnswersOptions {
  readonly input: NodeJS.ReadableStream
  /** Tells the node. A failure: nothing is joined with these words any more. */
  readonly tell: (id: string, match: boolean) => Promise<Result<unknown, LatticeError>>
  readonly note: (text: string) => void
}

const ANSWER = /^\s*(?:(?<yes>y|yes)|n|no)\s*$/i

export class WordsAnswers implements Disposable {
  readonly #options: WordsAnswersOptions
  readonly #end: () => void
  readonly #ended = new AbortController()
  #isInputOver = false
  /** The id of the words on the screen; empty: none yet. */
  #shown = ''
  /** Of which somebody has said something. */
  #answered = ''

  constructor(options: WordsAnswersOptions) {
    this.#options = options
    const lines = createInterface({ input: options.input })
    lines.on('line', (line) => void this.#hear(line))
    lines.on('close', () => {
      this.#isInputOver = true
      this.#look()
    })
    this.#end = () => lines.close()
  }

  /** Aborts once words are shown that nobody can say anything of any more, for the input is at its end. */
  get ended(): AbortSignal {
    return this.#ended.signal
  }

  show(id: string): void {
    this.#shown = id
    this.#look()
  }

  [Symbol.dispose](): void {
    this.#shown = ''
    this.#end()
  }

  async #hear(line: string): Promise<void> {
    const { tell, note } = this.#options
    const id = this.#shown
    if (id === '') return note('There are no words to compare yet.')
    const answer = ANSWER.exec(line)
    if (!answer) return note('Answer “y” or “n”.')
    this.#answered = id
    const told = await tell(id, answer.groups?.['yes'] !== undefined)
    if (told.ok) return
    note(told.error.message)
    if (this.#answered === id) this.#answered = ''
    this.#look()
  }

  #look(): void {
    if (this.#isInputOver && this.#shown !== '' && this.#shown !== this.#answered) this.#ended.abort()
  }
}
