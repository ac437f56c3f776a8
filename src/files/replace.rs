//! A file replaced as a whole or not at all; and one that grows at its end.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::fault::Fault;

/// Writes a new file beside the old one and puts it in its place: a reader finds the old text or the new, also after
/// a crash. A link stays one, and who may read the file may read it still. Two who write at once need a
/// [`Lock`](super::Lock).
pub(crate) fn replace(path: &Path, text: &str) -> Result<(), Fault> {
    let place = fs::canonicalize(path).unwrap_or_else(|_| path.into());
    let mut name = place.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = PathBuf::from(name);
    let written = write(&new, &place, text).and_then(|()| fs::rename(&new, &place));
    if let Err(error) = written {
        let _ = fs::remove_file(&new);
        return Err(Fault::io(path, "write", error));
    }
    // The name is in the directory; not every system can write one down.
    if let Some(Ok(directory)) = place.parent().map(File::open) {
        let _ = directory.sync_all();
    }
    Ok(())
}

/// Adds to the end of a file, in one piece; makes it where there is none.
pub(crate) fn append(path: &Path, text: &str) -> Result<(), Fault> {
    let opened = OpenOptions::new().append(true).create(true).open(path);
    opened.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| Fault::io(path, "write", error))
}

fn write(new: &Path, old: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create(new)?;
    if let Ok(old) = fs::metadata(old) {
        file.set_permissions(old.permissions())?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_written_leaves_nothing_behind() {
        let directory = std::env::temp_dir().join(format!("plimsoll-replace-{}", std::process::id()));
        fs::create_dir_all(directory.join("taken/within")).unwrap();
        let said = replace(&directory.join("taken"), "text").unwrap_err().to_string();
        assert!(said.contains("taken: cannot write it: "), "{said}");
        replace(&directory.join("free"), "old").unwrap();
        replace(&directory.join("free"), "new").unwrap();
        assert_eq!(fs::read_to_string(directory.join("free")).unwrap(), "new");
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 2);
        fs::remove_dir_all(&directory).unwrap();
    }

    /// A link became a file of its own, and a private file one that all may read.
    #[cfg(unix)]
    #[test]
    fn what_is_replaced_keeps_its_links_and_its_permissions() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let directory = std::env::temp_dir().join(format!("plimsoll-link-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let [file, link] = ["file", "link"].map(|name| directory.join(name));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        symlink("file", &link).unwrap();
        replace(&link, "new").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("file"));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 2);
        fs::remove_dir_all(&directory).unwrap();
    }
}
