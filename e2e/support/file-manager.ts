/**
 * Takes the place of the file manager, both as the program that the desktop starts for directories and as the service
 * that shows a file among others (org.freedesktop.FileManager1), and notes what it is asked for.
 */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Message, sessionBus } from 'dbus-next'
import { CallMonitor } from './session-bus.ts'

const SERVICE = 'org.freedesktop.FileManager1'

/** Installs the program for the session of the tests; `directory` is where it keeps its notes. */
export const installFileManager = async (directory: string): Promise<{ readonly opened: () => Promise<string> }> => {
  const note = join(directory, 'opened')
  const program = join(directory, 'file-manager')
  const applications = join(process.env['XDG_DATA_HOME'] ?? '', 'applications')
  await mkdir(applications, { recursive: true })
  await writeFile(program, `#!/bin/sh\nprintf '%s\\n' "$1" >> '${note}'\n`)
  await chmod(program, 0o755)
  await writeFile(
    join(applications, 'files.desktop'),
    `[Desktop Entry]\nType=Application\nName=Files\nExec=${program} %f\nMimeType=inode/directory;\n`,
  )
  await writeFile(join(applications, 'mimeapps.list'), '[Default Applications]\ninode/directory=files.desktop\n')
  return { opened: () => readFile(note, 'utf8').catch(() => '') }
}

export class FileManagerOnBus implements Disposable {
  readonly #bus = sessionBus()
  readonly #monitor: CallMonitor

  private constructor(monitor: CallMonitor) {
    this.#monitor = monitor
    this.#bus.addMethodHandler((call: Message) => {
      this.#bus.send(Message.newMethodReturn(call))
      return true
    })
  }

  static async start(): Promise<FileManagerOnBus> {
    const service = new FileManagerOnBus(await CallMonitor.of(SERVICE))
    await service.#bus.requestName(SERVICE, 0)
    return service
  }

  /** What it was first asked to show: addresses, and an id of the start. */
  async shown(): Promise<readonly unknown[]> {
    return (await this.#monitor.nth('ShowItems', 1)).body
  }

  [Symbol.dispose](): void {
    this.#monitor[Symbol.dispose]()
    this.#bus.disconnect()
  }
}
