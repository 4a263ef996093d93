/**
 * The whole window takes directories: what is dropped anywhere opens the dialog that shares it. A browser does not say
 * where a dropped directory lies, so there its name is filled in and the path is asked for.
 */
import { useEffect, useState, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { pathOfFile } from '../../connection/desktop.ts'
import { Icon } from '../../design/icons.tsx'
import { showToast } from '../../design/toast.tsx'
import { FolderDialogs } from './dialogs.tsx'
import { showFolderDialog } from './store.ts'
import css from './folders.module.css'

const holdsFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') === true

/** Takes the drop in hand; undefined: it is one directory. Else the key of what is wrong with it. */
const takeDrop = ({ dataTransfer }: DragEvent): 'drop.noDirectory' | 'drop.several' | undefined => {
  const [item, other] = [...(dataTransfer?.items ?? [])].filter(({ kind }) => kind === 'file')
  if (other) return 'drop.several'
  const file = item?.getAsFile()
  // A drag that was made by a program may have no entry; then the node says what the path is.
  if (!file || item?.webkitGetAsEntry()?.isDirectory === false) return 'drop.noDirectory'
  showFolderDialog({ at: 'add', path: pathOfFile(file), name: file.name })
  return undefined
}

/** True while files are dragged over the window. Leaving is told for every element, so only the outermost counts. */
const useDropOnWindow = (onRefused: (why: string) => void): boolean => {
  const [isOver, setOver] = useState(false)
  useEffect(() => {
    const listening = new AbortController()
    const { signal } = listening
    const over = (event: DragEvent): void => {
      if (!holdsFiles(event)) return
      event.preventDefault()
      if (event.dataTransfer) event.dataTransfer.dropEffect = 'link'
      setOver(true)
    }
    const leave = (event: DragEvent): void => {
      if (event.relatedTarget === null) setOver(false)
    }
    const drop = (event: DragEvent): void => {
      if (!holdsFiles(event)) return
      event.preventDefault()
      setOver(false)
      const why = takeDrop(event)
      if (why !== undefined) onRefused(why)
    }
    // What comes to lie under the pointer is told of entering first: a drop right then is refused unless that is taken.
    addEventListener('dragenter', over, { signal })
    addEventListener('dragover', over, { signal })
    addEventListener('dragleave', leave, { signal })
    addEventListener('drop', drop, { signal })
    return () => listening.abort()
  }, [onRefused])
  return isOver
}

interface DropTargetProps {
  readonly children: ReactNode
  readonly onAdded?: () => void
}

export const DropTarget = ({ children, onAdded }: DropTargetProps) => {
  const { t } = useTranslation('folders')
  const [refuse] = useState(() => (why: string) => showToast('bad', t(why)))
  const isOver = useDropOnWindow(refuse)
  return (
    <>
      {children}
      {isOver && (
        <div className={css['drop']}>
          <div>
            <Icon name="folder" size={40} />
            <p>{t('drop.here')}</p>
          </div>
        </div>
      )}
      <FolderDialogs onAdded={onAdded} />
    </>
  )
}
