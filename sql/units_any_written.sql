-- Whether anything is to be written.
SELECT EXISTS (FROM written);
