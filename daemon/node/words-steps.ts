/** What the person at a joining device says of the words on its screen, a round at a time. */
import { randomBytes } from 'node:crypto'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'

/** The words of one round. */
export interface WordsStep {
  /** Only this round's: an answer to words that others have taken the place of finds nothing. */
  readonly id: string
  readonly words: readonly string[]
  readonly answered: Promise<boolean>
}

export class WordsSteps {
  readonly #open = new Map<string, (match: boolean) => void>()

  begin(words: readonly string[]): WordsStep {
    const id = randomBytes(16).toString('hex')
    const { promise, resolve } = Promise.withResolvers<boolean>()
    this.#open.set(id, resolve)
    return { id, words, answered: promise }
  }

  /** Its words are on the screen no more. */
  end(step: WordsStep | undefined): void {
    if (step) this.#open.delete(step.id)
  }

  answer(id: string, match: boolean): Result<Record<string, never>, LatticeError> {
    const resolve = this.#open.get(id)
    if (!resolve) return err(latticeError('join-not-found', 'permanent', 'nothing is joined with these words any more'))
    resolve(match)
    return ok({})
  }
}
