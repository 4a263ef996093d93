/** `settings show` and `settings set`. */
import { NodeService, type Settings } from '#proto/node_api'
import { openContext, type CommonOptions, type Context } from '../context.ts'
import { formatTable } from '../format.ts'
import { parseSetting, settingRows } from '../settings-words.ts'

const show = (context: Context, settings: Settings | undefined): string | undefined =>
  settings && formatTable([{ title: 'SETTING' }, { title: 'VALUE' }], settingRows(settings), context.terminal.dim)

export const showSettings = async (options: CommonOptions): Promise<void> => {
  const context = await openContext(options)
  await context.call(NodeService.method.getSettings, {}, ({ settings }) => show(context, settings))
}

export const changeSetting = async (key: string, values: readonly string[], options: CommonOptions): Promise<void> => {
  const context = await openContext(options)
  const change = parseSetting(key, values)
  if (!change.ok) return context.fail(change.error)
  await context.call(NodeService.method.changeSettings, change.value, ({ settings }) => show(context, settings))
}
