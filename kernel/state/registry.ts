/** Store types by name. The composition root adds those that live in other layers, such as `core:filestore`. */
import { invariant } from '../core/result.ts'
import { kvMachine } from './kv.ts'
import { logMachine } from './log.ts'
import type { StoreType } from './port.ts'
import { spaceMachine } from './space.ts'

export class StoreTypeRegistry {
  readonly #types = new Map<string, StoreType>()

  /** Names must be unique. */
  register<Op>(type: StoreType<Op>): this {
    invariant(!this.#types.has(type.name), `store type ${type.name} is registered twice`)
    this.#types.set(type.name, type as StoreType)
    return this
  }

  get(name: string): StoreType | undefined {
    return this.#types.get(name)
  }

  names(): readonly string[] {
    return [...this.#types.keys()]
  }
}

export const SPACE_TYPE = 'core:space'
export const KV_TYPE = 'core:kv'
export const LOG_TYPE = 'core:log'

/** The types the kernel brings along. */
export const coreRegistry = (): StoreTypeRegistry =>
  new StoreTypeRegistry()
    .register({ name: SPACE_TYPE, machine: spaceMachine })
    .register({ name: KV_TYPE, machine: kvMachine })
    .register({ name: LOG_TYPE, machine: logMachine })
