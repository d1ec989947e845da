-- PostgreSQL runs this once, when its volume is empty.
\getenv warehouse_password WAREHOUSE_PASSWORD
CREATE ROLE warehouse LOGIN PASSWORD :'warehouse_password';
CREATE DATABASE warehouse OWNER warehouse;
